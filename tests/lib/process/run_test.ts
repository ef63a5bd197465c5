import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertLess,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { CameraError, ImmediateStop } from "../../../lib/errors.ts";
import type { Bytes, ByteSource } from "../../../lib/bytes.ts";
import { killAll, run, type RunOptions } from "../../../lib/process/mod.ts";
import { needing } from "../../parts.ts";
import { leavingNoProcess, openDescriptors } from "../../processes.ts";

const ignore = Deno.build.os === "windows" || needing("sh", "sleep").ignore;
const NEVER = new AbortController().signal;

/**
 * Defines a test that runs real programs, on systems with `sh`, and asserts that no process is
 * left.
 */
function test(name: string, body: () => Promise<void>): void {
  Deno.test({ name, ignore, fn: () => leavingNoProcess(body) });
}

function sh(script: string, signal = NEVER, options?: RunOptions): ByteSource {
  return run("sh", ["-c", script], signal, options);
}

/** Reads a source to its end, as text. */
async function textOf(source: ByteSource): Promise<string> {
  let text = "";
  for await (const bytes of source) text += new TextDecoder().decode(bytes);
  return text;
}

function failureOf(source: ByteSource): Promise<CameraError> {
  return assertRejects(() => textOf(source), CameraError);
}

/** Waits until a program has printed `ready`. */
async function ready(source: ByteSource): Promise<void> {
  const bytes = await source.read(new Uint8Array(100));
  assertEquals(new TextDecoder().decode(bytes), "ready\n");
}

async function withTempFile(test: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    await test(path);
  } finally {
    await Deno.remove(path);
  }
}

/** Measures how long an action takes, in milliseconds. */
async function timed(action: () => PromiseLike<unknown>): Promise<number> {
  const started = performance.now();
  await action();
  return performance.now() - started;
}

test("run() returns all that a program prints, to the end", async () => {
  assertEquals(await textOf(sh("printf abc; printf def; exit 0")), "abcdef");
  assertEquals(await textOf(sh("exit 0")), "");
  const size = 1_000_000;
  assertEquals((await textOf(sh(`head -c ${size} /dev/zero`))).length, size);
});

test("run() reads into the caller's buffer", async () => {
  await using source = sh("printf 0123456789");
  const buffer = new ArrayBuffer(30);
  const bytes = await source.read(new Uint8Array(buffer, 10, 4));
  assertEquals([bytes!.buffer.byteLength, bytes!.byteOffset], [30, 10]);
  // Either the same buffer, or one that has taken over its memory.
  assertEquals(buffer.byteLength, bytes!.buffer === buffer ? 30 : 0);
  let text = new TextDecoder().decode(bytes);
  for (let more: Bytes | undefined; (more = await source.read(new Uint8Array(4)));) {
    assert(more.length <= 4);
    text += new TextDecoder().decode(more);
  }
  assertEquals(text, "0123456789");
  assertStrictEquals(await source.read(new Uint8Array(4)), undefined);
});

test("run() passes arguments unchanged, and variables in addition to the server's", async () => {
  const args = ["-c", 'printf "%s|" "$@" "$EXTRA"; test -n "$PATH"', "sh", "a b", "$HOME;*", ""];
  const source = run("sh", args, NEVER, { env: { EXTRA: "more" } });
  assertEquals(await textOf(source), "a b|$HOME;*||more|");
});

test("run() gives a program an empty standard input", async () => {
  assertEquals(await textOf(sh("cat; echo end")), "end\n");
});

test("run() fails when a program fails, with the last line of its standard error", async () => {
  for (
    const [script, message] of [
      ["echo 'no lens' >&2; exit 3", "sh exited with code 3: no lens"],
      ["exit 255", "sh exited with code 255"],
      ["kill -SEGV $$", "sh was terminated by SIGSEGV"],
      ["echo bad >&2; kill -TERM $$", "sh was terminated by SIGTERM: bad"],
    ] as const
  ) {
    const { message: actual, hint, permanent } = await failureOf(sh(`echo frame; ${script}`));
    assertEquals([actual, hint, permanent], [message, undefined, false]);
  }
});

test("run() does not fail when a program prints errors and exits with 0", async () => {
  assertEquals(await textOf(sh("echo 'error: none' >&2; echo frame")), "frame\n");
});

test("run() stops a program that closes its output without exiting, and fails", async () => {
  const error = await failureOf(sh("exec >&-; echo 'device lost' >&2; sleep 60"));
  assertEquals(error.message, "sh closed its output: device lost");
});

test("run() reports a known error with its hint", async () => {
  const knownErrors = [
    { pattern: /no cameras/i, hint: "check the cable" },
    { pattern: /invalid/i, hint: "update", permanent: true },
  ];
  for (
    const [lines, message, hint, permanent] of [
      ["No cameras available\\nERROR: stopped", "No cameras available", "check the cable", false],
      ["invalid a\\nno cameras", "no cameras", "check the cable", false],
      ["invalid a\\ninvalid b\\nbye", "invalid b", "update", true],
      ["starting\\nCannot open it\\nbye", "Cannot open it", undefined, false],
      ["starting\\nbye", "bye", undefined, false],
      ["\\n\\n  last words  \\n\\n", "last words", undefined, false],
    ] as const
  ) {
    const error = await failureOf(sh(`printf '${lines}' >&2; exit 1`, NEVER, { knownErrors }));
    assertEquals(
      [error.message, error.hint, error.permanent],
      [`sh exited with code 1: ${message}`, hint, permanent],
    );
  }
});

test("run() shortens an error to one printable line, whatever the program printed", async () => {
  const script = String.raw`printf '\033[31mbad \000\007\377thing\033[0m\r\n' >&2; exit 1`;
  assertEquals((await failureOf(sh(script))).message, "sh exited with code 1: bad thing");
  const endless = "head -c 3000000 /dev/zero | tr '\\0' x >&2; exit 1";
  assertEquals((await failureOf(sh(endless))).message, `sh exited with code 1: ${"x".repeat(500)}`);
});

test("run() reads all of standard error, and keeps the last 20 lines", async () => {
  const script = "i=0; while [ $i -lt 30000 ]; do echo line $i >&2; i=$((i+1)); done; exit 1";
  for (const [pattern, line] of [[/line 29981$/, 29_981], [/line 2997.$/, 29_999]] as const) {
    const error = await failureOf(sh(script, NEVER, { knownErrors: [{ pattern }] }));
    assertEquals(error.message, `sh exited with code 1: line ${line}`);
  }
});

test("run() runs the first of several programs that is installed", async () => {
  assertEquals(await textOf(run(["no-such-program-1", "sh"], ["-c", "echo x"], NEVER)), "x\n");
});

test("run() reports a missing program, and how to install it", async () => {
  const options = { installHint: "sudo apt install it" };
  for (const names of ["no-such-program-1", ["no-such-program-1", "no-such-program-2"]]) {
    const error = await failureOf(run(names, [], NEVER, options));
    const all = [names].flat().join(" or ");
    assertEquals(error.message, `Cannot find ${all} on this machine`);
    assertEquals([error.hint, error.permanent], ["sudo apt install it", true]);
  }
});

test("run() reports a program that may not be started", () =>
  withTempFile(async (path) => {
    const error = await failureOf(run(path, [], NEVER));
    const reason = "permission denied; it must be a program that this user may execute";
    assertEquals([error.message, error.permanent], [`Cannot start ${path}: ${reason}`, true]);
    assert(error.cause instanceof Error);
  }));

test("run() starts nothing before the first read, nor after an abort", async () => {
  await withTempFile(async (path) => {
    const script = `echo started > ${path}`;
    await sh(script)[Symbol.asyncDispose]();
    const stop = new AbortController();
    const source = sh(script, stop.signal);
    stop.abort();
    assertEquals(await source.read(new Uint8Array(10)), undefined);
    assertEquals(await textOf(run("no-such-program-1", [], stop.signal)), "");
    const disposed = sh(script);
    await disposed[Symbol.asyncDispose]();
    assertEquals(await disposed.read(new Uint8Array(10)), undefined);
    assertEquals(await Deno.readTextFile(path), "");
  });
});

test("run() starts nothing when it is stopped while its arguments are determined", () =>
  withTempFile(async (path) => {
    for (const how of ["abort", "dispose"]) {
      const stop = new AbortController();
      const { promise: args, resolve } = Promise.withResolvers<string[]>();
      const source = run("sh", () => args, stop.signal);
      const pending = source.read(new Uint8Array(10));
      if (how === "abort") stop.abort();
      else await source[Symbol.asyncDispose]();
      resolve(["-c", `echo started > ${path}`]);
      assertEquals(await pending, undefined);
      await source[Symbol.asyncDispose]();
    }
    assertEquals(await Deno.readTextFile(path), "");
    const source = run("sh", () => Promise.resolve(["-c", "echo x"]), NEVER);
    assertEquals(await textOf(source), "x\n");
  }));

test("run() stops a program by SIGINT, and drains its output, so that a full pipe does not block it", () =>
  withTempFile(async (path) => {
    const program = `
      let interrupted = false;
      Deno.addSignalListener("SIGINT", () => interrupted = true);
      for (const zeros = new Uint8Array(1_000_000); !interrupted; await new Promise((r) => setTimeout(r))) {
        Deno.stdout.writeSync(zeros); // blocks until the reader reads
      }
      Deno.writeTextFileSync(Deno.args[0], "interrupted");`;
    const stop = new AbortController();
    const args = ["eval", "-q", program, "--", path];
    const source = run(Deno.execPath(), args, stop.signal);
    await source.read(new Uint8Array(10));
    await new Promise((resolve) => setTimeout(resolve, 200)); // the pipe is full by now
    stop.abort();
    const took = await timed(() => source[Symbol.asyncDispose]());
    assertEquals(await Deno.readTextFile(path), "interrupted");
    assertLess(took, 2_000);
  }));

test("run() sends SIGTERM 2 s later to a program that ignores SIGINT", () =>
  withTempFile(async (path) => {
    const stop = new AbortController();
    const source = sh(
      `trap '' INT; trap 'echo terminated > ${path}; exit 0' TERM
       echo ready; while :; do sleep 0.05; done`,
      stop.signal,
    );
    await ready(source);
    stop.abort();
    const took = await timed(() => source[Symbol.asyncDispose]());
    assertEquals(await Deno.readTextFile(path), "terminated\n");
    assertGreaterOrEqual(took, 1_990);
    assertLess(took, 3_000);
  }));

test("run() kills a program that ignores every signal within a second after an ImmediateStop", async () => {
  const stop = new AbortController();
  const source = sh("trap '' INT TERM; echo ready; while :; do sleep 0.05; done", stop.signal);
  await ready(source);
  stop.abort(new ImmediateStop("The server is shutting down"));
  assertLess(await timed(() => source[Symbol.asyncDispose]()), 1_000);
});

test("run() ends without an error after an abort, once the program has exited", async () => {
  for (const reading of [true, false]) {
    const stop = new AbortController();
    // Takes 0.3 s to exit, and exits with an error.
    const script = "trap 'sleep 0.3; exit 7' INT; echo 'error: x' >&2; echo ready; sleep 60 & wait";
    const source = sh(script, stop.signal, { knownErrors: [{ pattern: /error/ }] });
    await ready(source);
    const pending = reading ? source.read(new Uint8Array(10)) : undefined;
    const took = await timed(async () => {
      stop.abort();
      assertEquals(await (pending ?? source.read(new Uint8Array(10))), undefined);
    });
    assertGreaterOrEqual(took, 290);
  }
});

test("run() reports a known error of a hung program after an ImmediateStop", async () => {
  const knownErrors = [{ pattern: /timed out/, hint: "check the cable" }];
  for (const reading of [true, false]) {
    const stop = new AbortController();
    const source = sh("echo 'frontend timed out' >&2; echo ready; sleep 60 & wait", stop.signal, {
      knownErrors,
    });
    await ready(source);
    const pending = reading ? source.read(new Uint8Array(10)) : undefined;
    pending?.catch(() => {}); // asserted below
    stop.abort(new ImmediateStop("No frame for 3 s"));
    const error = await assertRejects(
      () => pending ?? source.read(new Uint8Array(10)),
      CameraError,
      "frontend timed out",
    );
    assertEquals(error.hint, "check the cable");
  }
});

test("run() ends without an error after an ImmediateStop if no known error was printed", async () => {
  const stop = new AbortController();
  const source = sh("echo 'error: x' >&2; echo ready; sleep 60 & wait", stop.signal);
  await ready(source);
  stop.abort(new ImmediateStop("No frame for 3 s"));
  assertEquals(await source.read(new Uint8Array(10)), undefined);
});

test("run() stops its program when the reader leaves the loop", async () => {
  for await (const bytes of sh("echo ready; exec sleep 60")) {
    assertEquals(new TextDecoder().decode(bytes), "ready\n");
    break;
  }
});

test("run() ends a pending read without an error when it is disposed", async () => {
  const source = sh("echo ready; exec sleep 60");
  await ready(source);
  const pending = source.read(new Uint8Array(10));
  await source[Symbol.asyncDispose]();
  assertEquals(await pending, undefined);
});

test("run() can be aborted and disposed several times", async () => {
  const stop = new AbortController();
  const source = sh("echo ready; exec sleep 60", stop.signal);
  await ready(source);
  stop.abort();
  await Promise.all([source[Symbol.asyncDispose](), source[Symbol.asyncDispose]()]);
  await source[Symbol.asyncDispose]();
  assertEquals(await source.read(new Uint8Array(10)), undefined);
});

test("run() leaves no file descriptor open, however it ends", async () => {
  await textOf(sh("echo once")); // opens what stays open for the life of the process
  const before = openDescriptors();
  for (let n = 0; n < 5; n++) {
    await textOf(sh("echo x"));
    await failureOf(sh("exit 1"));
    await failureOf(run("no-such-program-1", [], NEVER));
    const stop = new AbortController();
    const source = sh("echo ready; exec sleep 60", stop.signal);
    await ready(source);
    stop.abort();
    await source[Symbol.asyncDispose]();
  }
  assertEquals(openDescriptors(), before);
});

test("killAll() kills running programs immediately", async () => {
  const source = sh("trap '' INT TERM; echo ready; while :; do sleep 0.05; done");
  await ready(source);
  const failed = assertRejects(() => source.read(new Uint8Array(10)), CameraError, "SIGKILL");
  assertLess(
    await timed(async () => {
      killAll();
      await failed;
    }),
    1_500,
  );
});
