import { assert, assertEquals, assertRejects } from "@std/assert";
import { CameraError } from "../../../lib/errors.ts";
import { run, type RunOptions } from "../../../lib/process/mod.ts";
import { needing } from "../../parts.ts";
import { leavingNoProcess } from "../../processes.ts";

const ignore = Deno.build.os === "windows" || needing("sh", "sleep").ignore;
const NEVER = new AbortController().signal;

Deno.test({
  name: "run() reports the first known error that matches, with the matched text in its hint",
  ignore,
  fn: async () => {
    const knownErrors = [
      { pattern: /(\/dev\/\S+): busy/, hint: "fuser -v $1 shows the program" },
      { pattern: /failed/, hint: "not this hint", permanent: true },
    ];
    const error = await failureOf("echo it /dev/video7: busy >&2; echo failed >&2; exit 4", {
      knownErrors,
    });
    assertEquals(error.message, "sh exited with code 4: it /dev/video7: busy");
    assertEquals(error.hint, "fuser -v /dev/video7 shows the program");
    assert(!error.permanent);
  },
});

Deno.test({
  name: "run() reports a known error although the program exits with 0, and only a known error",
  ignore,
  fn: async () => {
    const knownErrors = [{ pattern: /unplugged/, hint: "plug it in" }];
    const error = await failureOf("echo camera unplugged >&2", { knownErrors });
    assertEquals(error.message, "sh exited: camera unplugged");
    const successful = run("sh", ["-c", "echo goodbye >&2"], NEVER, { knownErrors });
    assertEquals(await Array.fromAsync(successful), []);
  },
});

Deno.test({
  name: "run() removes passwords, binary characters and colours from error messages",
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
  name: "run() determines its arguments at the first read, and starts nothing after an abort",
  ignore,
  fn: () =>
    leavingNoProcess(async () => {
      const source = run("echo", () => Promise.resolve(["late"]), NEVER);
      assertEquals(text(await Array.fromAsync(source)), "late\n");
      const stop = new AbortController();
      const args = () => {
        stop.abort();
        return Promise.resolve(["60"]);
      };
      assertEquals(await Array.fromAsync(run("sleep", args, stop.signal)), []);
      const failing = run("sleep", () => Promise.reject(new CameraError("no device")), NEVER);
      await assertRejects(() => Array.fromAsync(failing), CameraError, "no device");
    }),
});

async function failureOf(script: string, options?: RunOptions): Promise<CameraError> {
  const source = run("sh", ["-c", script], NEVER, options);
  return await assertRejects(() => Array.fromAsync(source), CameraError);
}

function text(chunks: Uint8Array[]): string {
  return chunks.map((chunk) => new TextDecoder().decode(chunk)).join("");
}
