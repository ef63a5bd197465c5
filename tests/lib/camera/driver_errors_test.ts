import { assertEquals } from "@std/assert";
import { logDriverErrors } from "../../../lib/camera/driver_errors.ts";
import { createLog } from "../../../lib/log.ts";
import { ManualClock } from "../../manual_clock.ts";

function errorFrom(file: string): Error {
  const error = new Error("no luck\nat all");
  error.stack = `Error: no luck\n    at open (${file}:3:5)`;
  return error;
}

/** Dispatches an uncaught error. @returns Whether it would end the server. */
function endsServer(error: unknown): boolean {
  return globalThis.dispatchEvent(new ErrorEvent("error", { error, cancelable: true }));
}

Deno.test("logDriverErrors() contains the errors of the user's drivers only, and bounds the lines", () => {
  const clock = new ManualClock();
  const lines: string[] = [];
  const log = createLog({ clock, write: (line) => lines.push(line.slice(25)) });
  {
    using _logging = logDriverErrors("/drivers", { clock, log });
    assertEquals(endsServer(errorFrom("file:///drivers/mine.ts")), false);
    assertEquals(endsServer("text"), false);
    assertEquals(endsServer(errorFrom("file:///dinocam/main.ts")), true);
    assertEquals(endsServer(errorFrom("file:///drivers2/mine.ts")), true);
    assertEquals(lines, [
      'error driver error reason="Error: no luck (/drivers/mine.ts:3:5)"',
      'error driver error reason="\\"text\\""',
    ]);
    for (let i = 0; i < 50; i++) endsServer("text");
    assertEquals([lines.length, lines.at(-1)], [11, "warn driver errors not logged seconds=60"]);
  }
  assertEquals(endsServer("text"), true);
  using _nothing = logDriverErrors(undefined, { clock, log });
  assertEquals(endsServer("text"), true);
});
