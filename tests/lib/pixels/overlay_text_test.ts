import { assertEquals, assertStrictEquals } from "@std/assert";
import { OverlayText } from "../../../lib/pixels/overlay_text.ts";

/** 6:05:09 on 3 January, in the time zone of this machine. */
const TIME = new Date(2026, 0, 3, 6, 5, 9, 400).getTime();

function at(text: string, time = TIME): string {
  return new OverlayText({ text, place: "top", camera: "Front %date" }).at(time);
}

Deno.test("OverlayText replaces the name, the date and the local time, and leaves the rest", () => {
  assertEquals(at("%name %date %time"), "Front %date 2026-01-03 06:05:09");
  assertEquals(at("100%% %%time %%%time %day %"), "100% %time %06:05:09 %day %");
  assertEquals(at("no variable"), "no variable");
});

Deno.test("OverlayText changes with the second, backwards too", () => {
  const text = new OverlayText({ text: "%time", place: "top", camera: "" });
  assertEquals(text.at(TIME), "06:05:09");
  assertStrictEquals(text.at(TIME + 599), text.at(TIME));
  assertEquals(text.at(TIME + 600), "06:05:10");
  assertEquals(text.at(TIME - 401), "06:05:08");
});
