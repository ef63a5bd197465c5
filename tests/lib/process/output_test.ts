import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { CameraError } from "../../../lib/errors.ts";
import { output } from "../../../lib/process/mod.ts";
import { needing } from "../../parts.ts";
import { leavingNoProcess } from "../../processes.ts";

const ignore = Deno.build.os === "windows" || needing("sh", "sleep").ignore;
const NEVER = new AbortController().signal;

Deno.test({
  name: "output() returns standard output and error, whether or not the program succeeds",
  ignore,
  fn: async () => {
    const script = "echo out; echo err >&2; exit 3";
    const result = await output("sh", ["-c", script], NEVER);
    assertEquals(result, { success: false, stdout: "out\n", stderr: "err\n" });
    assert((await output(["no-such-program", "true"], [], NEVER)).success);
    const installHint = "install it";
    const error: CameraError = await assertRejects(
      () => output("no-such-program", [], NEVER, { installHint }),
      CameraError,
    );
    assertEquals([error.hint, error.permanent], [installHint, true]);
  },
});

Deno.test({
  name: "output() kills the program and its descendants after its timeout or an abort",
  ignore,
  fn: () =>
    leavingNoProcess(async () => {
      const started = performance.now();
      const unresponsive = ["-c", "trap '' INT TERM; echo ready; sleep 60 & sleep 60"];
      const result = await output("sh", unresponsive, NEVER, { timeout: 200 });
      assertEquals([result.success, result.stdout], [false, "ready\n"]);
      const stop = new AbortController();
      const aborted = output("sh", unresponsive, stop.signal);
      setTimeout(() => stop.abort(), 100);
      await aborted;
      await output("sh", unresponsive, AbortSignal.abort());
      assertLess(performance.now() - started, 2_000);
    }),
});
