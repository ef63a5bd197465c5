import { PYTHON } from "../parts.ts";
import { needingLinux } from "./recording_server.ts";
import { checkSeeks, checkSpeed, withRecordings } from "./replay.ts";

// All speeds, for longer, and 1000 seeks are in long.ts.

Deno.test(
  "a server's recordings are played in time over a slow link",
  needingLinux(PYTHON),
  () =>
    withRecordings(async (server) => {
      for (const speed of [-60, 1, 8]) await checkSpeed(server, speed, 1_800);
      await checkSeeks(server, 100, 8);
    }),
);
