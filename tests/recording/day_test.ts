import { checkHours } from "./day_run.ts";
import { needingLinux } from "./recording_server.ts";

// 24 hours are in long.ts.

Deno.test("nothing grows while a server records for hours", needingLinux(), () => checkHours(3));
