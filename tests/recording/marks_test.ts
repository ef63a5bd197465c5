import { needing, PYTHON } from "../parts.ts";
import { checkMarks } from "./marks.ts";

// 3000 marks are in long.ts.

Deno.test(
  "a recorder that is killed loses no mark, and each has its frame in the clip",
  needing(PYTHON, "ffmpeg", "ffprobe"),
  () => checkMarks(100, [0.2, 0.9]),
);
