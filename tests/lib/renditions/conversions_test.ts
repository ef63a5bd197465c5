import { assertEquals, assertMatch } from "@std/assert";
import { conversionError } from "../../../lib/renditions/conversions.ts";

Deno.test("conversionError() gives a hint for damaged pictures, other formats, and defects of the server", () => {
  assertMatch(conversionError("damaged JPEG: its data end too early").hint!, /cable/);
  assertMatch(conversionError("the Worker failed: no answer").hint!, /restart the server/);
  const { message, hint } = conversionError("progressive JPEG");
  assertEquals(message, "The camera's pictures cannot be converted: progressive JPEG");
  assertMatch(hint!, /^leave out height, quality and overlay, or set the camera to baseline JPEG$/);
});
