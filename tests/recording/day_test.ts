import { checkHours } from "./day_run.ts";

// 24 hours are in long.ts.

Deno.test("nothing grows while a server records for hours", () => checkHours(3));
