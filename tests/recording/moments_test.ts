import { needing } from "../parts.ts";
import { checkMoments, checkTimelines } from "./moments.ts";

// Days of the real size are in long.ts.

Deno.test("any moment of a day is found at once", needing("dd"), () => checkMoments(60));

Deno.test(
  "the timelines of a month of four cameras are listed at once",
  needing("dd"),
  () => checkTimelines(30, 60),
);
