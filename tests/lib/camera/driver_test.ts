import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { readCaptureSettings, refuseAddress } from "../../../lib/camera/driver.ts";
import { forCamera } from "../../../lib/env.ts";
import { ConfigError } from "../../../lib/errors.ts";

Deno.test("readCaptureSettings() reads the requested settings, and leaves the others undefined", () => {
  assertEquals(readCaptureSettings({ WIDTH: "1280", HEIGHT: "720", FPS: "29.97", QUALITY: "80" }), {
    width: 1280,
    height: 720,
    fps: 29.97,
    quality: 80,
  });
  const unset = { width: undefined, height: undefined, fps: undefined, quality: undefined };
  assertEquals(readCaptureSettings({}), unset);
  assertEquals(readCaptureSettings({ WIDTH: "", FPS: " " }), unset);
});

Deno.test("readCaptureSettings() rejects invalid values, and names the variable that the user set", () => {
  const bad = { WIDTH: "15", HEIGHT: "99999", FPS: "0", QUALITY: "101" };
  for (const [name, value] of Object.entries(bad)) {
    assertThrows(
      () => readCaptureSettings({ [name]: value }),
      ConfigError,
      `Cannot read ${name} as`,
    );
  }
  const front = forCamera({ FRONT_FPS: "fast" }, "front");
  assertThrows(
    () => readCaptureSettings(front),
    ConfigError,
    "FRONT_FPS as a number from 0.01 to 240",
  );
});

Deno.test("refuseAddress() refuses an address, and does not show it", () => {
  refuseAddress({ SOURCE: "/dev/video0" }, "usb");
  refuseAddress({}, "usb");
  const front = forCamera({ FRONT_SOURCE: "rtsp://me:secret@cam/" }, "front");
  const { message }: ConfigError = assertThrows(() => refuseAddress(front, "usb"), ConfigError);
  assertStringIncludes(message, "FRONT_SOURCE");
  assertEquals(/secret|cam\//.test(message), false);
});
