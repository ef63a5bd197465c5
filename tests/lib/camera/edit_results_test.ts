import { assertMatch } from "@std/assert";
import { hintFor } from "../../../lib/camera/edit_results.ts";

Deno.test("hintFor() tells damaged pictures, other kinds of JPEG, and defects of the server apart", () => {
  assertMatch(hintFor("damaged JPEG: its data end too early, or too late"), /cable/);
  assertMatch(hintFor("progressive JPEG"), /baseline JPEG/);
  for (const cause of ["the Worker failed: Cannot execute", "JPEG that causes an error: broken"]) {
    assertMatch(hintFor(cause), /restart the server/);
  }
});
