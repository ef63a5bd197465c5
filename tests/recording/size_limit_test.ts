import { needing, PYTHON } from "../parts.ts";
import { checkSizeLimit } from "./size_limit.ts";

// 30 s are in long.ts.

Deno.test(
  "the recordings are never larger than RECORD_MAX",
  needing(PYTHON),
  () => checkSizeLimit(6),
);
