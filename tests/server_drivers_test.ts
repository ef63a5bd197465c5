import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { needing } from "./parts.ts";
import { eventually, Server } from "./server.ts";

const PICTURE = new URL("../cameras/emulated/1.jpg", import.meta.url).pathname;

/** Wrong `open` functions by driver, and the message that they must cause. */
const WRONG: Record<string, [open: string, message: string]> = {
  silent: [
    "async *open() { await new Promise(() => {}); }",
    "did not end after its signal aborted",
  ],
  deaf: [
    "async *open() { for (;;) await new Promise((resolve) => setTimeout(resolve, 50)); }",
    "did not end after its signal aborted",
  ],
  strings: ['async *open() { yield "x"; }', "it yielded a string instead of a JPEG"],
  nothing: ["async *open() { yield undefined; }", "it yielded undefined instead of a JPEG"],
  objects: ["async *open() { yield {}; }", "it yielded an object instead of a JPEG"],
  buffers: [
    "async *open() { yield new ArrayBuffer(9); }",
    "it yielded an object of type ArrayBuffer",
  ],
  video: [
    "async *open(_, signal) { while (!signal.aborted) { yield new Uint8Array([0, 0, 0, 1, 0x67, 66, 0, 30]); " +
    "await new Promise((resolve) => setTimeout(resolve, 100)); } }",
    "broken images arrived: H.264 instead of JPEG",
  ],
  promised: ["async open() { throw new Error(1); }", "open() returned an object of type Promise"],
  list: ["open() { return [new Uint8Array(9)]; }", "open() returned an object of type Array"],
  absent: ["open() {}", "open() returned undefined instead of an async iterable"],
  hasty: ['open() { throw new RangeError("no\\nluck"); }', "failed: RangeError: no"],
  thrower: ['async *open() { throw new Error("no luck"); }', "failed: Error: no luck"],
  rude: ["async *open() { throw undefined; }", "failed: undefined"],
  iterator: [
    "open: () => ({ [Symbol.asyncIterator]: () => ({ next: () => 5 }) })",
    "it yielded undefined instead of a JPEG",
  ],
};

async function inFolder(
  files: Record<string, string>,
  body: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(join(folder, name), text);
    }
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function driver(open: string): string {
  return `export default { configure: () => ({}), ${open} };`;
}

Deno.test("a driver that breaks its contract fails within the time limit, and the message names the bug", async () => {
  const files = Object.fromEntries(
    Object.entries(WRONG).map(([name, [open]]) => [`${name}.ts`, driver(open)]),
  );
  await inFolder(files, async (folder) => {
    const names = Object.keys(WRONG);
    await using server = await Server.start({
      env: { CAMERAS_DIR: folder, CAMERA: names.join(",") },
    });
    const startedAt = performance.now();
    const asked = names.map(async (name) => {
      const response = await fetch(`${server.url}/cameras/${name}/snapshot.jpg`);
      assertEquals([name, response.status], [name, 503]);
      assertStringIncludes(await response.text(), WRONG[name]![1]);
    });
    await eventually("all cameras have failed", async () => {
      const { failing } = await (await fetch(`${server.url}/healthz`)).json();
      return failing.length === names.length;
    }, 20_000);
    assertLess(performance.now() - startedAt, 18_000);
    await Promise.all(asked);
    const { failing } = await (await fetch(`${server.url}/healthz`)).json();
    for (const { camera, reason } of failing as { camera: string; reason: string }[]) {
      const isAbandoned = /has not ended since its last start/.test(reason);
      if (!isAbandoned) assertStringIncludes(reason, WRONG[camera]![1]);
      else assert(["silent", "deaf"].includes(camera), reason);
      assert(!reason.includes("\n"));
    }
    const { success, took } = await server.stop();
    assert(success);
    assertLess(took, 3_000);
    for (const [name, [, message]] of Object.entries(WRONG)) {
      assertStringIncludes(server.output, message, name);
    }
  });
});

Deno.test("a driver that never waits blocks neither HTTP nor signals", async () => {
  const endless = driver(
    `async *open() { const jpeg = Deno.readFileSync(${
      JSON.stringify(PICTURE)
    }); for (;;) yield jpeg; }`,
  );
  const busy = driver(
    `async *open() { const jpeg = Deno.readFileSync(${JSON.stringify(PICTURE)});
      for (;;) { for (const end = performance.now() + 30; performance.now() < end;); yield jpeg; } }`,
  );
  await inFolder({ "endless.ts": endless, "busy.ts": busy }, async (folder) => {
    for (const CAMERA of ["endless", "busy"]) {
      for (const signal of ["SIGTERM", "SIGINT"] as const) {
        await using server = await Server.start({ env: { CAMERAS_DIR: folder, CAMERA } });
        const stream = await fetch(`${server.url}/video_feed`);
        const reader = stream.body!.getReader();
        await reader.read();
        for (let request = 0; request < 5; request++) {
          const startedAt = performance.now();
          await (await fetch(`${server.url}/cameras`)).text();
          assertLess(performance.now() - startedAt, 2_000);
        }
        if (CAMERA === "endless") {
          await eventually("a warning", () => / per second are dropped/.test(server.output));
        }
        await reader.cancel();
        const { took } = await server.stop(signal);
        assertLess(took, 4_000);
        const warnings = server.output.match(/frames beyond \d+ per second are dropped/g) ?? [];
        assertEquals(warnings.length, CAMERA === "endless" ? 1 : 0);
      }
    }
  });
});

Deno.test("a driver with a syntax error is reported in one line, with file and line", async () => {
  const files = {
    "broken.ts": "const a = 1;\nexport default {\n  open: @,\n};\n",
    "script.js": "const a = 1;\nexport default {\n  open( {\n",
    "twice.js": "let a = 1;\nlet a = 2;\n",
    "failing.ts": "const a = 1;\nmissing.call();\n",
  };
  const places = { broken: 3, script: 3, twice: 2, failing: 2 };
  await inFolder(files, async (folder) => {
    for (const [CAMERA, line] of Object.entries(places)) {
      const { code, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-q", "--allow-all", "main.ts"],
        cwd: new URL("..", import.meta.url),
        env: { CAMERA, CAMERAS_DIR: folder, PORT: "0" },
      }).output();
      const text = new TextDecoder().decode(stderr).trim();
      assertEquals([code, text.split("\n").length], [2, 1], text);
      const file = Object.keys(files).find((name) => name.startsWith(CAMERA))!;
      assertStringIncludes(text, `${join(folder, file)}:${line}:`);
    }
  });
});

Deno.test("a driver that does not finish loading is reported, and does not delay signals", async () => {
  await inFolder(
    { "hanging.ts": `await new Promise(() => {});\n${driver("open() {}")}` },
    async (folder) => {
      const start = () =>
        new Deno.Command(Deno.execPath(), {
          args: ["run", "-q", "--allow-all", "main.ts"],
          cwd: new URL("..", import.meta.url),
          env: { CAMERA: "hanging", CAMERAS_DIR: folder, PORT: "0" },
          stdout: "null",
          stderr: "piped",
        }).spawn();
      const [failing, stopped] = [start(), start()];
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      const startedAt = performance.now();
      stopped.kill(Deno.build.os === "windows" ? "SIGKILL" : "SIGTERM");
      await stopped.output();
      assertLess(performance.now() - startedAt, 3_000);
      const { code, stderr } = await failing.output();
      assertEquals([code, new TextDecoder().decode(stderr).trim()], [
        2,
        `Cannot load camera driver ${join(folder, "hanging.ts")}: it has not loaded within 10 s: ` +
        "it must not wait at its top level",
      ]);
    },
  );
});

Deno.test("a driver whose error nobody catches does not end the server", async () => {
  const jpeg = `Deno.readFileSync(${JSON.stringify(PICTURE)})`;
  const stray = driver(`async *open(_, signal) {
    setTimeout(() => { throw new Error("from a timer"); });
    Promise.reject(new Error("not awaited"));
    while (!signal.aborted) { yield ${jpeg}; await new Promise((resolve) => setTimeout(resolve, 50)); }
  }`);
  await inFolder({ "stray.ts": stray }, async (folder) => {
    await using server = await Server.start({ env: { CAMERAS_DIR: folder, CAMERA: "stray" } });
    for (let i = 0; i < 2; i++) {
      const response = await fetch(`${server.url}/snapshot.jpg`);
      await response.body?.cancel();
      assertEquals(response.status, 200);
      for (const reason of ["from a timer", "not awaited"]) {
        const line = new RegExp(
          `error driver error reason="Error: ${reason} \\(.*stray\\.ts:\\d+:`,
        );
        await eventually("a log line", () => line.test(server.output));
      }
    }
  });
});

Deno.test("a driver whose settings cannot be read is reported with file and line", async () => {
  const wrong =
    "export default {\n configure: () => ({ get fps() { throw new Error('no\x1b[2J'); } }),\n open() {} }";
  await inFolder({ "wrong.ts": wrong }, async (folder) => {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--allow-all", "main.ts"],
      cwd: new URL("..", import.meta.url),
      env: { CAMERA: "wrong", CAMERAS_DIR: folder, PORT: "0" },
    }).output();
    assertEquals([code, new TextDecoder().decode(stderr).trim()], [
      2,
      `Cannot configure camera driver "wrong": Error: no\\u001b[2J (${
        join(folder, "wrong.ts")
      }:2:40)`,
    ]);
  });
});

Deno.test("a camera without a picture reports the data that arrived, and the setting that helps", {
  ...needing("sh", "head", "sleep"),
}, async () => {
  const cases: Record<string, [source: string, reason: RegExp]> = {
    quiet: ["sleep 60", /No first picture for 10 s: no data arrived \(.*set FPS/],
    video: [
      `sh -c 'head -c 9 /dev/zero >/dev/null; printf "\\0\\0\\0\\1\\147\\102\\0\\36"; exec sleep 60'`,
      /No first picture for 10 s: 8 bytes of H\.264 arrived, but no JPEG \(the command must print JPEGs/,
    ],
    text: [
      "sh -c 'echo usage: camera; exit 0'",
      /ended without a picture: 14 bytes of text: "usage: camera" arrived/,
    ],
    half: [
      `sh -c 'head -c 9000 ${PICTURE}; exec sleep 60'`,
      /9,000 bytes arrived that begin like a JPEG, but no complete picture \(.*set FPS/,
    ],
    cut: [
      `sh -c 'while head -c 300 ${PICTURE}; do sleep 0.2; done'`,
      /broken images arrived \([\d,]+ bytes\): /,
    ],
  };
  const names = Object.keys(cases);
  const env = Object.fromEntries(
    names.map((name) => [`${name.toUpperCase()}_SOURCE`, cases[name]![0]]),
  );
  await using server = await Server.start({
    env: { CAMERA: names.map((name) => `${name}=exec`).join(","), ...env },
  });
  const asked = names.map(async (name) => {
    await (await fetch(`${server.url}/cameras/${name}/snapshot.jpg`)).body?.cancel();
  });
  const reasons = new Map<string, string>();
  await eventually("all cameras have failed", async () => {
    const { failing } = await (await fetch(`${server.url}/healthz`)).json();
    for (const { camera, reason } of failing) reasons.set(camera, reason);
    return reasons.size === names.length;
  }, 20_000);
  await Promise.all(asked);
  for (const name of names) {
    assert(cases[name]![1].test(reasons.get(name)!), `${name}: ${reasons.get(name)}`);
  }
});
