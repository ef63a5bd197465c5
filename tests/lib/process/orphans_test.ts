import { assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import type { CameraError } from "../../../lib/errors.ts";
import { run } from "../../../lib/process/mod.ts";
import { leavingNoProcess } from "../../processes.ts";

const ignore = Deno.build.os === "windows";

Deno.test({
  name: "run() stops what a script has started, also what ignores SIGINT and SIGTERM",
  ignore,
  fn: () =>
    leavingNoProcess(async () => {
      const stop = new AbortController();
      // What a shell starts by & ignores SIGINT.
      const script = "sh -c 'trap \"\" INT TERM; sleep 60; sleep 60' & sleep 60 & echo ready; wait";
      const started = performance.now();
      for await (const bytes of run("sh", ["-c", script], stop.signal)) {
        assertEquals(new TextDecoder().decode(bytes), "ready\n");
        stop.abort();
      }
      assertLess(performance.now() - started, 3_000);
    }),
});

Deno.test({
  name: "run() stops what a program leaves behind when it ends by itself, output open or closed",
  ignore,
  fn: () =>
    leavingNoProcess(async () => {
      for (const output of ["", ">/dev/null 2>&1", ">/dev/null"]) {
        const stop = new AbortController();
        const script = `sleep 60 ${output} & echo ready`;
        for await (const _ of run("sh", ["-c", script], stop.signal)) stop.abort();
      }
    }),
});

Deno.test({
  name: "run() goes on reading from what a script leaves to write in the background",
  ignore,
  fn: () =>
    leavingNoProcess(async () => {
      const { signal } = new AbortController();
      const script = "{ sleep 0.2; echo late; } & echo early";
      let text = "";
      for await (const bytes of run("sh", ["-c", script], signal)) {
        text += new TextDecoder().decode(bytes);
      }
      assertEquals(text, "early\nlate\n");
    }),
});

Deno.test({
  name:
    "run() ends although a daemon of the program's holds its standard error, and keeps the complaint",
  ignore,
  fn: async () => {
    const { signal } = new AbortController();
    // setsid: it leaves the process group, so it is not ours to stop.
    const script = "setsid sleep 4 >/dev/null & echo 'no lens' >&2; exit 3";
    const started = performance.now();
    let complaint = "";
    try {
      for await (const _ of run("sh", ["-c", script], signal));
    } catch (error) {
      complaint = (error as CameraError).message;
    }
    assertStringIncludes(complaint, "no lens");
    assertLess(performance.now() - started, 3_000);
  },
});
