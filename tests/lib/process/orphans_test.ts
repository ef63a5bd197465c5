import { assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import type { CameraError } from "../../../lib/errors.ts";
import { run } from "../../../lib/process/mod.ts";
import { needing } from "../../parts.ts";
import { leavingNoProcess } from "../../processes.ts";

const ignore = Deno.build.os === "windows" || needing("sh", "sleep").ignore;

Deno.test({
  name: "run() stops the descendants of a script, even those that ignore SIGINT and SIGTERM",
  ignore,
  fn: () =>
    leavingNoProcess(async () => {
      const stop = new AbortController();
      // A shell starts background commands with SIGINT ignored.
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
  name:
    "run() stops the orphans of a program that exits by itself, with their output open or closed",
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
  name: "run() continues to read the output of a script's background commands after its exit",
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
    "run() ends although a daemon holds the program's standard error, and reports its last line",
  ignore: ignore || needing("setsid").ignore,
  fn: async () => {
    const { signal } = new AbortController();
    // setsid: the daemon leaves the process group, so run() cannot stop it.
    const script = "setsid sleep 4 >/dev/null & echo 'no lens' >&2; exit 3";
    const started = performance.now();
    let message = "";
    try {
      for await (const _ of run("sh", ["-c", script], signal));
    } catch (error) {
      message = (error as CameraError).message;
    }
    assertStringIncludes(message, "no lens");
    assertLess(performance.now() - started, 3_000);
  },
});
