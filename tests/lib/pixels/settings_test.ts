import { assertEquals, assertThrows } from "@std/assert";
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
