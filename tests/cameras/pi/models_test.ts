import { assertEquals } from "@std/assert";
import { defaultsFor } from "../../../cameras/pi/models.ts";

Deno.test("defaultsFor() returns capture settings that suit the model of the Raspberry Pi", () => {
  const models: [string, string][] = [
    ["Raspberry Pi Zero 2 W Rev 1.0\0", "640x480 15 fps, quality 50"],
    ["Raspberry Pi 3 Model B Plus Rev 1.3\0", "1280x720 15 fps, quality 50"],
    ["Raspberry Pi 4 Model B Rev 1.5\0", "1280x720 30 fps, quality 60"],
    ["Raspberry Pi 400 Rev 1.0\0", "1280x720 30 fps, quality 60"],
    ["Raspberry Pi Compute Module 4 Rev 1.1\0", "1280x720 30 fps, quality 60"],
    ["Raspberry Pi 5 Model B Rev 1.0\0", "1280x720 30 fps, quality 70"],
    ["Raspberry Pi 6 Model B", "1280x720 30 fps, quality 70"],
    ["", "1280x720 30 fps, quality 70"],
  ];
  for (const [model, expected] of models) {
    const { width, height, fps, quality } = defaultsFor(model);
    assertEquals(`${width}x${height} ${fps} fps, quality ${quality}`, expected, model);
  }
});
