import { assertMatch } from "@std/assert";
import { hintFor } from "../../../lib/camera/edit_results.ts";

Deno.test("hintFor() tells the camera's damage and format from the server's own trouble", () => {
  assertMatch(hintFor("damaged JPEG"), /cable, power supply or network/);
  assertMatch(hintFor("progressive JPEG"), /baseline JPEG/);
  assertMatch(hintFor("the Worker failed: no answer within 10 s"), /^the server lacks memory/);
  assertMatch(hintFor("JPEG that causes an error: x is undefined"), /^the server lacks memory/);
});
