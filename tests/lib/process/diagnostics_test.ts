import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { CameraError } from "../../../lib/errors.ts";
import { output, run, type RunOptions } from "../../../lib/process/mod.ts";
import { leavingNoProcess } from "../../processes.ts";

const ignore = Deno.build.os === "windows";
const forever = new AbortController().signal;

Deno.test({
  name: "run() tells the most telling known complaint, with a hint that names what it is about",
  ignore,
  fn: async () => {
    const knownErrors = [
      { pattern: /(\/dev\/\S+): busy/, hint: "fuser -v $1 shows whose it is" },
      { pattern: /failed/, hint: "never this one", permanent: true },
    ];
    const error = await failureOf("echo it /dev/video7: busy >&2; echo failed >&2; exit 4", {
      knownErrors,
    });
    assertEquals(error.message, "sh exited with code 4: it /dev/video7: busy");
    assertEquals(error.hint, "fuser -v /dev/video7 shows whose it is");
    assert(!error.permanent);
  },
});

Deno.test({
  name: "run() fails for a known complaint also if the program ends well, and for no other",
  ignore,
  fn: async () => {
    const knownErrors = [{ pattern: /unplugged/, hint: "plug it in" }];
    const error = await failureOf("echo camera unplugged >&2", { knownErrors });
    assertEquals(error.message, "sh ended: camera unplugged");
    const ended = run("sh", ["-c", "echo goodbye >&2"], forever, { knownErrors });
    assertEquals(await Array.fromAsync(ended), []);
  },
});

Deno.test({
  name: "run() tells no password, no binary and no colours",
  ignore,
  fn: async () => {
    const line = "\\033[31mrtsp://me:se/c@ret@10.0.0.5/live: Connection \\001refused\\033[0m";
    const { message } = await failureOf(`printf '${line}' >&2; exit 1`);
    assertEquals(message, "sh exited with code 1: rtsp://…@10.0.0.5/live: Connection refused");
    const key = await failureOf("echo http://10.0.0.5/live?key=secret: not found >&2; exit 1");
    assertEquals(key.message, "sh exited with code 1: http://10.0.0.5/live?… not found");
  },
});

Deno.test({
  name:
    "run() takes arguments that are found out when it starts, and starts nothing after an abort",
  ignore,
  fn: () =>
    leavingNoProcess(async () => {
      const said = run("echo", () => Promise.resolve(["late"]), forever);
      assertEquals(text(await Array.fromAsync(said)), "late\n");
      const stop = new AbortController();
      const args = () => {
        stop.abort();
        return Promise.resolve(["60"]);
      };
      assertEquals(await Array.fromAsync(run("sleep", args, stop.signal)), []);
      const failing = run("sleep", () => Promise.reject(new CameraError("no idea")), forever);
      await assertRejects(() => Array.fromAsync(failing), CameraError, "no idea");
    }),
});

Deno.test({
  name: "ask() gives what a program says on both outputs, whether it ends well or not",
  ignore,
  fn: async () => {
    const script = "echo out; echo err >&2; exit 3";
    const answer = await output("sh", ["-c", script], forever);
    assertEquals(answer, { success: false, stdout: "out\n", stderr: "err\n" });
    assert((await output(["no-such-program", "true"], [], forever)).success);
    const installHint = "install it";
    const error: CameraError = await assertRejects(
      () => output("no-such-program", [], forever, { installHint }),
      CameraError,
    );
    assertEquals([error.hint, error.permanent], [installHint, true]);
  },
});

Deno.test({
  name: "ask() kills what takes too long or is not wanted any more, with all that it started",
  ignore,
  fn: () =>
    leavingNoProcess(async () => {
      const begun = performance.now();
      const stubborn = ["-c", "trap '' INT TERM; echo begun; sleep 60 & sleep 60"];
      const answer = await output("sh", stubborn, forever, { timeout: 200 });
      assertEquals([answer.success, answer.stdout], [false, "begun\n"]);
      const stop = new AbortController();
      const asked = output("sh", stubborn, stop.signal);
      setTimeout(() => stop.abort(), 100);
      await asked;
      await output("sh", stubborn, AbortSignal.abort());
      assertLess(performance.now() - begun, 2_000);
    }),
});

async function failureOf(script: string, options?: RunOptions): Promise<CameraError> {
  const source = run("sh", ["-c", script], forever, options);
  return await assertRejects(() => Array.fromAsync(source), CameraError);
}

function text(chunks: Uint8Array[]): string {
  return chunks.map((chunk) => new TextDecoder().decode(chunk)).join("");
}
