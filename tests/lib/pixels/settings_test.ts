import { assertEquals, assertThrows } from "@std/assert";
import { readConfig } from "../../../lib/config.ts";
import { ConfigError } from "../../../lib/errors.ts";
import { PICTURE_SETTINGS } from "../../../lib/pixels/settings.ts";

Deno.test("OVERLAY is a line of text in any script", () => {
  const { overlay: { read } } = PICTURE_SETTINGS;
  for (const text of ["Garten Süd – %time °C", "{}^`$", "日本 👍🏽", "x".repeat(200)]) {
    assertEquals(read({ OVERLAY: text }, "OVERLAY"), text);
  }
  for (const text of ["a\nb", "a\tb", "a\x1bb", "a\x7fb", "a\x85b", "a\u2028b", "x".repeat(201)]) {
    assertThrows(() => read({ OVERLAY: text }, "OVERLAY"), ConfigError, "a line of at most 200");
  }
});

Deno.test("PRIVACY_MASK is a list of rectangles in per cent", () => {
  const { mask: { read } } = PICTURE_SETTINGS;
  const first = { left: 0, top: 0, right: 30, bottom: 20 };
  const second = { left: 60.5, top: 10, right: 100, bottom: 40 };
  for (const text of ["0,0,30,20;60.5,10,100,40", " 0, 0, 30, 20; 60.5, 10, 100, 40; "]) {
    assertEquals(read({ PRIVACY_MASK: text }, "PRIVACY_MASK"), [first, second]);
  }
  const many = Array(101).fill("0,0,1,1").join(";");
  const wrong = ["0,0,30", "30,0,30,20", "0,20,30,10", "0,0,101,20", "0,0,30,20px", "0;0", many];
  for (const text of wrong) {
    assertThrows(() => read({ PRIVACY_MASK: text }, "PRIVACY_MASK"), ConfigError, "rectangles");
  }
});

Deno.test("a camera can be without the mask, the text and the flip of all cameras", () => {
  const all = { PRIVACY_MASK: "0,0,30,20", OVERLAY: "%time", FLIP: "both" };
  const back = { BACK_PRIVACY_MASK: "off", BACK_OVERLAY: "off", BACK_FLIP: "off" };
  const { cameras: [front, other] } = readConfig(
    { ...all, ...back, CAMERA: "front=emulated,back=emulated" },
    { picture: PICTURE_SETTINGS },
  );
  const { mask, overlay, flip } = front!.picture;
  assertEquals([mask?.length, overlay, flip], [1, "%time", "both"]);
  const { picture } = other!;
  assertEquals([picture.mask, picture.overlay, picture.flip], [undefined, undefined, undefined]);
});
