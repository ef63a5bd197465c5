import { assert, assertEquals, assertLess, assertStrictEquals, assertThrows } from "@std/assert";
import type { Bytes, ByteSource } from "../../../lib/bytes.ts";
import { CameraError } from "../../../lib/errors.ts";
import { LINUX_LIBRARIES } from "../../../lib/libc.ts";
import { run } from "../../../lib/process/mod.ts";
import { OutputPipe, type PipeLibrary, startWithPipe } from "../../../lib/process/output_pipe.ts";
import { spawn } from "../../../lib/process/spawn.ts";
import { needing } from "../../parts.ts";
import { leavingNoProcess, openDescriptors } from "../../processes.ts";

const ignore = Deno.build.os !== "linux" ||
  needing("sh", "cat", "dd", "head", "sleep", "setsid", "yes").ignore;
const NEVER = new AbortController().signal;

/** Defines a test that runs real programs, and asserts that no process and descriptor is left. */
function test(name: string, body: () => Promise<void>): void {
  const fn = () =>
    leavingNoProcess(async () => {
      await textOf(sh("echo once")); // opens what stays open for the life of the process
      const before = openDescriptors();
      await body();
      assertEquals(openDescriptors(), before);
    });
  Deno.test({ name, ignore, fn });
}

function sh(script: string, signal = NEVER): ByteSource {
  return run("sh", ["-c", script], signal);
}

async function textOf(source: AsyncIterable<Bytes>): Promise<string> {
  let text = "";
  for await (const bytes of source) text += new TextDecoder().decode(bytes);
  return text;
}

/** Reads the `ready` of a program. @returns Whether it was read by a thread, not by a stream. */
async function isReadByThread(source: ByteSource): Promise<boolean> {
  const { buffer } = new Uint8Array(100);
  const bytes = await source.read(new Uint8Array(buffer));
  assertEquals(new TextDecoder().decode(bytes), "ready\n");
  return bytes!.buffer === buffer;
}

function random(size: number): Bytes {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  return bytes;
}

/** Starts a script, and waits for the end of its `setUp` before its pipe is searched. */
async function startAfter(setUp: string): Promise<boolean> {
  const done = await Deno.makeTempFile();
  try {
    const { child, pipe } = startWithPipe(() => {
      const script = `${setUp}\necho done > ${done}; sleep 0.1`;
      const started = spawn(["sh"], ["-c", script], {});
      while (Deno.readTextFileSync(done) === "");
      return started;
    });
    await child.stderr.cancel();
    if (pipe) await pipe.close();
    else await child.stdout.cancel(); // not yet locked or cancelled
    await child.status;
    return pipe !== undefined;
  } finally {
    await Deno.remove(done);
  }
}

test("run() reads into the caller's buffer, by a thread", async () => {
  const printed = random(3_000_000);
  const file = await Deno.makeTempFile();
  await Deno.writeFile(file, printed);
  for (const size of [777, 65_536, 1_000_000]) {
    await using source = run("cat", [file], NEVER);
    const into = new Uint8Array(size + 20).fill(7).subarray(10, 10 + size);
    const read = new Uint8Array(printed.length);
    let length = 0;
    for (let bytes; (bytes = await source.read(into)) !== undefined; length += bytes.length) {
      assertStrictEquals(bytes.buffer, into.buffer);
      assertEquals([bytes.byteOffset, bytes.length <= size], [10, true]);
      read.set(bytes, length);
    }
    assertEquals(length, printed.length);
    assert(read.every((byte, at) => byte === printed[at]));
    const around = new Uint8Array(into.buffer);
    assertEquals([...around.slice(0, 10), ...around.slice(-10)], Array(20).fill(7));
  }
  await Deno.remove(file);
});

test("run() reads a frame of 400 kB in one piece", async () => {
  await using source = sh("sleep 0.1; dd if=/dev/zero bs=400000 count=1 2>/dev/null; sleep 0.1");
  assertEquals((await source.read(new Uint8Array(500_000)))!.length, 400_000);
});

test("run() returns all that was printed before the pipe was found", async () => {
  for (let n = 0; n < 30; n++) assertEquals(await textOf(sh(`echo ${n}`)), `${n}\n`);
  assertEquals((await textOf(run("head", ["-c", "200000", "/dev/zero"], NEVER))).length, 200_000);
});

test("run() reads what a script has not redirected, whenever it redirects", async () => {
  for (let n = 0; n < 10; n++) {
    assertEquals(await textOf(sh("exec 1>/dev/null; echo lost")), "");
    assertEquals(await textOf(sh("echo a; exec >&2; echo lost")), "a\n");
    assertEquals(await textOf(sh("exec 3>&1 1>&2 2>&3; echo lost; echo error >&2")), "error\n");
  }
});

test("startWithPipe() finds only the pipe that the program writes to", async () => {
  assert(await startAfter(""));
  assert(await startAfter("exec 2>/dev/null"));
  for (
    const redirection of [
      ...["exec 1>/dev/null", "exec 1>&-", "exec 1>&2", "exec 1>&2 2>/dev/null"],
      ...["exec 3>&1 1>&2 2>&3"],
    ]
  ) assertEquals([redirection, await startAfter(redirection)], [redirection, false]);
});

Deno.test("startWithPipe() closes the C library when a program cannot be started", () => {
  assertThrows(() => startWithPipe(() => spawn(["no-such-program-1"], [], {})), CameraError);
});

test("run() ends a pending read when it is aborted or disposed", async () => {
  for (const how of ["abort", "dispose"]) {
    const stop = new AbortController();
    const source = sh("echo ready; exec sleep 60", stop.signal);
    assert(await isReadByThread(source));
    const pending = source.read(new Uint8Array(10));
    const started = performance.now();
    if (how === "abort") stop.abort();
    else await source[Symbol.asyncDispose]();
    assertEquals(await pending, undefined);
    assertLess(performance.now() - started, 1_000);
  }
});

test("run() ends a pending read although a daemon holds the output, silent or not", async () => {
  for (const daemon of ["sleep 4", "yes", "sh -c 'while :; do echo x; sleep 0.01; done'"]) {
    for (const reading of [true, false]) {
      const stop = new AbortController();
      const source = sh(
        `setsid ${daemon} 2>/dev/null & sleep 0.2; echo ready; sleep 60`,
        stop.signal,
      );
      for (let text = ""; !text.includes("ready");) {
        text = text.slice(-10) +
          new TextDecoder().decode(await source.read(new Uint8Array(100_000)));
      }
      await new Promise((resolve) => setTimeout(resolve, 50)); // until the script sleeps
      const pending = reading ? source.read(new Uint8Array(10)) : undefined;
      stop.abort();
      const started = performance.now();
      await source[Symbol.asyncDispose]();
      await pending;
      assertEquals(await source.read(new Uint8Array(10)), undefined);
      assertLess(performance.now() - started, 2_500);
    }
  }
  await new Promise((resolve) => setTimeout(resolve, 4_000)); // until the last daemon has ended
});

test("run() goes on reading after signals to the server", async () => {
  const listener = () => {};
  Deno.addSignalListener("SIGUSR1", listener);
  await using source = sh("echo ready; sleep 0.2; echo done");
  assert(await isReadByThread(source));
  const pending = source.read(new Uint8Array(10));
  for (let n = 0; n < 15; n++) {
    Deno.kill(Deno.pid, "SIGUSR1");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assertEquals(new TextDecoder().decode(await pending), "done\n");
  Deno.removeSignalListener("SIGUSR1", listener);
});

test("run() reads 40 programs at once, 16 by threads and the rest by streams", async () => {
  const sources = Array.from(
    { length: 40 },
    (_, n) => sh(`echo ready; sleep 0.5; yes ${n} | head -c 300000`),
  );
  const byThread: boolean[] = [];
  for (const source of sources) byThread.push(await isReadByThread(source));
  assertEquals(byThread, sources.map((_, n) => n < 16));
  for (const [n, text] of (await Promise.all(sources.map(textOf))).entries()) {
    assertEquals(text, `${n}\n`.repeat(300_000).slice(0, 300_000));
  }
  await using another = sh("echo ready");
  assert(await isReadByThread(another)); // the threads are free again
});

test("run() leaves threads for other work while 40 programs print nothing", async () => {
  const sources = Array.from({ length: 40 }, () => sh("echo ready; exec sleep 60"));
  for (const source of sources) await isReadByThread(source);
  const pending = sources.map((source) => source.read(new Uint8Array(10)));
  const started = performance.now();
  await Promise.all(Array.from({ length: 40 }, () => Deno.readTextFile("deno.json")));
  await Promise.all(sources.map((source) => source[Symbol.asyncDispose]()));
  for (const bytes of pending) assertEquals(await bytes, undefined);
  assertLess(performance.now() - started, 5_000);
});

test("run() keeps the number of descriptors over 50 starts", async () => {
  const before = openDescriptors();
  for (let n = 0; n < 50; n++) {
    const source = sh("echo ready; exec sleep 60");
    assert(await isReadByThread(source));
    await source[Symbol.asyncDispose]();
    assertEquals(openDescriptors(), before);
  }
});

test("run() reads by a thread with the permissions of the server, else by a stream", async () => {
  const program = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(
    program,
    `import { run } from "${import.meta.resolve("../../../lib/process/mod.ts")}";
    const { buffer } = new Uint8Array(1_000_000);
    let into = new Uint8Array(buffer);
    let size = 0;
    const source = run("head", ["-c", "5000000", "/dev/zero"], new AbortController().signal);
    for (let bytes; bytes = await source.read(into); into = new Uint8Array(bytes.buffer)) {
      size += bytes.length;
    }
    await source[Symbol.asyncDispose]();
    console.log(size, buffer.byteLength);`,
  );
  for (
    const [flag, length] of [
      [`--allow-ffi=${LINUX_LIBRARIES.join()}`, 1_000_000],
      ["--allow-ffi=/nowhere.so", 0],
      ["--deny-ffi", 0],
    ] as const
  ) {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--no-check", "--no-prompt", "--allow-run", flag, program],
    }).output();
    assertEquals(new TextDecoder().decode(stderr), "");
    assertEquals(new TextDecoder().decode(stdout), `5000000 ${length}\n`);
  }
  await Deno.remove(program);
});

/** A C library whose calls do what the test says. */
function fakeLibrary(symbols: Partial<PipeLibrary["symbols"]>): PipeLibrary {
  const close = () => 0;
  return { symbols: { close, ...symbols } as PipeLibrary["symbols"], close };
}

Deno.test("OutputPipe repeats a read that was interrupted, and ends after many failures", async () => {
  const counts = [-1, -1, 3, ...Array(200).fill(-1)];
  const read = () => Promise.resolve(counts.shift()!);
  const pipe = new OutputPipe(fakeLibrary({ read }), 9);
  assertEquals((await pipe.read(new Uint8Array(5)))!.length, 3);
  assertEquals(await pipe.read(new Uint8Array(5)), undefined);
  assertEquals(counts.length, 100);
  await pipe.close();
});

Deno.test("OutputPipe waits for a free descriptor to end a pending read", async () => {
  const opened = [-1, -1, 5];
  const closed: number[] = [];
  const { promise, resolve } = Promise.withResolvers<number>();
  const libc = fakeLibrary({
    read: () => promise,
    open: () => opened.shift()!,
    write: () => (resolve(1), 1),
    close: (descriptor) => closed.push(descriptor),
  });
  const pipe = new OutputPipe(libc, 9);
  const pending = pipe.read(new Uint8Array(5));
  const next = pipe.read(new Uint8Array(5));
  await Promise.all([pipe.close(), pipe.close()]);
  assertEquals([await pending, await next], [undefined, undefined]);
  assertEquals([opened, closed], [[], [5, 9]]);
});
