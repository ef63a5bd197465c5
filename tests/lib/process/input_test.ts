import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import type { Bytes } from "../../../lib/bytes.ts";
import { CameraError, ImmediateStop } from "../../../lib/errors.ts";
import { run, type RunOptions } from "../../../lib/process/mod.ts";
import { needing } from "../../parts.ts";
import { leavingNoProcess } from "../../processes.ts";

const ignore = Deno.build.os === "windows" || needing("sh", "cat", "head").ignore;
const CHUNK = 65_536;

function test(name: string, body: () => Promise<void>): void {
  Deno.test({ name, ignore, fn: () => leavingNoProcess(body) });
}

/** Counted chunks of zeros; `closed` when they are no longer read. */
class Zeros implements AsyncIterable<Bytes> {
  read = 0;
  closed = false;

  constructor(readonly chunks: number, readonly failure?: Error) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Bytes> {
    try {
      for (; this.read < this.chunks; this.read++) yield await new Uint8Array(CHUNK);
      if (this.failure) throw this.failure;
    } finally {
      this.closed = true;
    }
  }
}

function sh(script: string, options: RunOptions, signal = new AbortController().signal) {
  return run("sh", ["-c", script], signal, options);
}

async function sizeOf(source: AsyncIterable<Bytes>): Promise<number> {
  let size = 0;
  for await (const bytes of source) size += bytes.length;
  return size;
}

test("run() writes the input to a program and then closes it", async () => {
  const input = new Zeros(50);
  assertEquals(await sizeOf(sh("cat; printf end", { input })), 50 * CHUNK + 3);
  assert(input.closed);
});

test("run() reads the input only as fast as the program reads", async () => {
  const input = new Zeros(Infinity);
  await using source = sh("printf ready; sleep 60", { input });
  await source.read(new Uint8Array(10));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assertLess(input.read, 10); // a pipe holds 64 KiB
});

test("run() does not fail if a program reads only a part of its input", async () => {
  const input = new Zeros(Infinity);
  assertEquals(await sizeOf(sh("head -c 100", { input })), 100);
  assert(input.closed);
});

test("run() fails if a program fails that has read only a part of its input", async () => {
  const input = new Zeros(Infinity);
  const source = sh("head -c 100 >&2; echo bad data >&2; exit 1", { input });
  const error: CameraError = await assertRejects(() => sizeOf(source), CameraError);
  assertEquals(error.message, "sh exited with code 1: bad data");
  assert(input.closed);
});

test("run() stops a program whose input fails, and fails with the same error", async () => {
  const failure = new Error("deleted");
  const error: Error = await assertRejects(() =>
    sizeOf(sh("cat", { input: new Zeros(3, failure) }))
  );
  assertEquals(error, failure);
});

test("run() closes the input of a program that is stopped while it does not read", async () => {
  const input = new Zeros(Infinity);
  const abort = new AbortController();
  const source = sh("printf ready; trap '' INT TERM; sleep 60", { input }, abort.signal);
  await source.read(new Uint8Array(10));
  abort.abort(new ImmediateStop());
  const started = performance.now();
  await source[Symbol.asyncDispose]();
  assert(input.closed);
  assertLess(performance.now() - started, 2_000);
});

test("run() says the ID of the process that it has started", async () => {
  let started: number | undefined;
  await using source = sh("echo $$", { onStart: (pid) => started = pid });
  const printed = new TextDecoder().decode(await source.read(new Uint8Array(20)));
  assertEquals(Number(printed), started);
});
