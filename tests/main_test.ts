import {
  assert,
  assertEquals,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { needing, PYTHON } from "./parts.ts";
import { descendants, eventually, FAKES, readUntil, ROOT, Server } from "./server.ts";

const PI = { CAMERA: "pi", PATH: `${FAKES}:${Deno.env.get("PATH")}`, FAKE_CAMERA_COMMENT: "1" };

Deno.test("the server without settings serves the emulated camera, to this machine only", async () => {
  await using server = await Server.start();
  assertMatch(server.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  assertStringIncludes(server.output, "serves emulated");
  const page = await fetch(`${server.url}/`);
  assertEquals(page.headers.get("Content-Type"), "text/html; charset=utf-8");
  assertStringIncludes(await page.text(), "<title>dinocam</title>");
  const { body } = await fetch(`${server.url}/video_feed`);
  const text = await readUntil(body!, (text) => text.split("--frame").length > 3);
  assertMatch(
    text,
    /^--frame\r\nContent-Type: image\/jpeg\r\nContent-Length: \d+\r\nX-Timestamp: /,
  );
});

Deno.test(
  "50 viewers get the frames of a Pi in order and without repeats, from one capture",
  needing(PYTHON),
  async () => {
    const size = { WIDTH: "640", HEIGHT: "360" }; // small: this process reads for all 50
    await using server = await Server.start({ env: { ...PI, ...size, IDLE_SECONDS: "1" } });
    const watch = async () => {
      const { body } = await fetch(`${server.url}/video_feed`);
      return await frameNumbers(body!, 20);
    };
    const viewers = Promise.all(Array.from({ length: 50 }, watch));
    await eventually("the capture runs", async () => (await descendants(server.pid)).size > 0);
    const captures = [...(await descendants(server.pid)).values()];
    assertEquals(captures.length, 1);
    assertStringIncludes(captures[0]!, "--codec mjpeg --width 640 --height 360 --framerate 30");
    const seen = await viewers;
    // A frame that no viewer got was skipped by the camera, which does that while its output is
    // full.
    const given = [...new Set(seen.flat())];
    let missing = 0;
    for (const numbers of seen) {
      assert(numbers.every((number, i) => i === 0 || number > numbers[i - 1]!), `${numbers}`);
      const due = given.filter((one) => one >= numbers[0]! && one <= numbers.at(-1)!);
      missing += due.length - numbers.length;
    }
    // Fifty readers in one process can be too slow for a frame. The server then counts it as
    // dropped.
    const left = () => [...server.output.matchAll(/viewer disconnected .* dropped=(\d+)/g)];
    await eventually("all viewers are disconnected", () => left().length === 50);
    const dropped = left().reduce((sum, [, count]) => sum + Number(count), 0);
    assertLessOrEqual(missing, dropped);
    await eventually(
      "the capture stops",
      async () => (await descendants(server.pid)).size === 0,
      5_000,
    );
  },
);

Deno.test(
  "the server exits with 0 within a second of SIGTERM, also with stalled viewers",
  needing(PYTHON),
  async () => {
    await using server = await Server.start({ env: PI });
    const viewers = await Promise.all(
      Array.from({ length: 10 }, async (_, i) => {
        const { body } = await fetch(`${server.url}/video_feed`);
        const reader = body!.getReader();
        await reader.read();
        // Five viewers keep reading, five stall.
        return { reader, ended: i < 5 ? drain(reader) : Promise.resolve() };
      }),
    );
    const captures = [...(await descendants(server.pid)).keys()];
    assertEquals(captures.length, 1);
    const { code, took } = await server.stop();
    assertEquals(code, 0);
    assertLess(took, 1_000);
    assertEquals(captures.filter(isAlive), []);
    await Promise.all(viewers.map(({ ended }) => ended));
    await Promise.all(viewers.map(({ reader }) => reader.cancel().catch(() => {})));
  },
);

Deno.test(
  "the server kills a capture that ignores SIGINT and SIGTERM when it exits",
  needing(PYTHON),
  async () => {
    const stubborn = { FAKE_CAMERA_IGNORE_SIGINT: "1", FAKE_CAMERA_IGNORE_SIGTERM: "1" };
    await using server = await Server.start({ env: { ...PI, ...stubborn } });
    const { body } = await fetch(`${server.url}/video_feed`);
    const reader = body!.getReader();
    await reader.read();
    const captures = [...(await descendants(server.pid)).keys()];
    const { code, took } = await server.stop("SIGINT");
    assertEquals(code, 0);
    assertLess(took, 1_000);
    assertEquals(captures.filter(isAlive), []);
    await drain(reader);
  },
);

Deno.test(
  "the server gives each of two cameras its settings and its stream",
  needing(PYTHON),
  async () => {
    const env = {
      ...PI,
      CAMERA: "front=pi,back=emulated",
      FRONT_WIDTH: "320",
      FRONT_HEIGHT: "240",
    };
    await using server = await Server.start({ env });
    const sizes = [];
    for (const name of ["front", "back"]) {
      const snapshot = await fetch(`${server.url}/cameras/${name}/snapshot.jpg`);
      assertEquals(snapshot.status, 200);
      await snapshot.bytes();
      const cameras = await (await fetch(`${server.url}/cameras`)).json();
      sizes.push(cameras.find((camera: { name: string }) => camera.name === name).resolution);
    }
    assertEquals(sizes, ["320x240", "640x480"]);
  },
);

for (
  const [name, env, message] of [
    [
      "an unknown driver",
      { CAMERA: "webcam" },
      /^Cannot find camera driver "webcam": available are .*emulated.*pi/,
    ],
    [
      "a path as a driver",
      { CAMERA: "../../etc/x" },
      /^Cannot read CAMERA as drivers, .*"..\/..\/etc\/x"$/,
    ],
    ["a URL as a driver", { CAMERA: "data:text/javascript,1" }, /^Cannot read CAMERA as /],
    ["a package as a driver", { CAMERA: "npm:hono" }, /^Cannot read CAMERA as /],
    [
      "an invalid port",
      { PORT: "http" },
      /^Cannot read PORT as a whole number from 0 to 65535: current value is "http"$/,
    ],
    [
      "an invalid frame rate",
      { FPS: "fast" },
      /^Cannot read FPS as a number from 0.01 to 240: current value is "fast"$/,
    ],
    [
      "an invalid frame rate of one camera",
      { CAMERA: "front=emulated", FRONT_FPS: "0" },
      /^Cannot read FRONT_FPS as a number/,
    ],
    [
      "an invalid rotation",
      { CAMERA: "pi", ROTATE: "45" },
      /^Cannot read ROTATE as "0" or "90" or "180" or "270": current value is "45"$/,
    ],
    ["two cameras with the same name", { CAMERA: "pi,pi" }, /^Cannot have two cameras called "pi"/],
    [
      "a missing folder",
      { CAMERAS_DIR: "/nowhere" },
      /^Cannot read CAMERAS_DIR: "\/nowhere" is not a readable folder$/,
    ],
    [
      "an invalid idle time",
      { IDLE_SECONDS: "soon" },
      /^Cannot read IDLE_SECONDS as a number of seconds .*"soon"$/,
    ],
  ] as const
) {
  Deno.test(`the server rejects ${name} in one line, exit code 2`, async () => {
    const { code, stdout, stderr } = await runOnce([], env);
    assertMatch(stderr.trimEnd(), message);
    assertEquals({ code, stdout, lines: stderr.trimEnd().split("\n").length }, {
      code: 2,
      stdout: "",
      lines: 1,
    });
  });
}

Deno.test("the server rejects an unknown argument in one line, exit code 2", async () => {
  assertEquals(await runOnce(["--prot", "80"], {}), {
    code: 2,
    stdout: "",
    stderr: 'Unknown argument "--prot": expected doctor, --list-cameras, --help or --version\n',
  });
});

Deno.test("--version and --help print to stdout, exit code 0", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  assertEquals(await runOnce(["--version"], {}), { code: 0, stdout: `${version}\n`, stderr: "" });
  const help = await runOnce(["--help"], {});
  assertEquals([help.code, help.stderr], [0, ""]);
  for (const name of ["CAMERA", "HOST", "PORT", "SOURCE", "IDLE_SECONDS", "CAMERAS_DIR"]) {
    assertStringIncludes(help.stdout, name);
  }
});

Deno.test("the server reports a port in use in one line, exit code 1", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { code, stderr } = await runOnce([], { PORT: `${taken.addr.port}` });
  assertEquals(code, 1);
  assertEquals(
    stderr,
    `Cannot listen on 127.0.0.1:${taken.addr.port}: the port is in use; choose another PORT\n`,
  );
});

Deno.test("the server reports an unknown driver before it listens", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const PORT = `${taken.addr.port}`;
  const { code, stderr } = await runOnce([], { CAMERA: "front=webcam", PORT });
  assertEquals(code, 2);
  assertMatch(stderr, /^Cannot find camera driver "webcam"/);
});

Deno.test("the server reports a HOST of another machine in one line, exit code 1", async () => {
  const { code, stdout, stderr } = await runOnce([], { HOST: "192.0.2.1", AUTH: "none" });
  assertEquals({ code, stdout, stderr }, {
    code: 1,
    stdout: "",
    stderr: "Cannot listen on 192.0.2.1:0: HOST must be a name or an address of this machine\n",
  });
});

Deno.test(
  "the server leaves no capture behind when it cannot listen",
  needing(PYTHON),
  async () => {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const lock = await Deno.makeTempDir();
    const { code } = await runOnce([], {
      ...PI,
      IDLE_SECONDS: "never", // the capture starts at once
      PORT: `${taken.addr.port}`,
      FAKE_CAMERA_LOCK_DIR: lock,
    });
    assertEquals(code, 1);
    for await (const { name } of Deno.readDir("/proc")) {
      const command = await Deno.readTextFile(`/proc/${name}/environ`).catch(() => "");
      assert(!command.includes(`FAKE_CAMERA_LOCK_DIR=${lock}\0`), `process ${name} is left`);
    }
    await Deno.remove(lock, { recursive: true });
  },
);

for (const signal of ["SIGINT", "SIGHUP"] as const) {
  Deno.test(
    `the server shuts down on ${signal} as on SIGTERM, and stops the capture`,
    needing(PYTHON),
    async () => {
      await using server = await Server.start({ env: PI });
      const { body } = await fetch(`${server.url}/video_feed`);
      const reader = body!.getReader();
      await reader.read();
      const captures = [...(await descendants(server.pid)).keys()];
      assertEquals(captures.length, 1);
      const { code, took } = await server.stop(signal);
      assertEquals(code, 0);
      assertLess(took, 1_000);
      assertEquals(captures.filter(isAlive), []);
      assertStringIncludes(server.output, "camera stopped camera=pi");
      await drain(reader);
    },
  );
}

Deno.test(
  "the server exits at once on a second SIGTERM, with code 1 and without a capture",
  needing(PYTHON),
  async () => {
    const stubborn = { FAKE_CAMERA_IGNORE_SIGINT: "1", FAKE_CAMERA_IGNORE_SIGTERM: "1" };
    await using server = await Server.start({ env: { ...PI, ...stubborn } });
    const { body } = await fetch(`${server.url}/video_feed`);
    const reader = body!.getReader();
    await reader.read();
    const captures = [...(await descendants(server.pid)).keys()];
    Deno.kill(server.pid, "SIGTERM");
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { code, took } = await server.stop("SIGTERM");
    assertEquals(code, 1);
    assertLess(took, 200);
    await eventually("the capture is killed", () => !captures.some(isAlive));
    await drain(reader);
  },
);

Deno.test(
  "deno task start shuts down on Ctrl+C, for which the server gets SIGINT twice",
  needing("setsid", PYTHON),
  async () => {
    const task = [Deno.execPath(), "task", "-q", "start"];
    await using server = await Server.start({ command: ["setsid", ...task], env: PI });
    const { body } = await fetch(`${server.url}/video_feed`);
    const reader = body!.getReader();
    await reader.read();
    const children = await descendants(server.pid);
    Deno.kill(-server.pid, "SIGINT"); // the process group, as a terminal does
    assertEquals((await server.exited).code, 0);
    assertStringIncludes(server.output, "camera stopped camera=pi");
    assertEquals([...children.keys()].filter(isAlive), []);
    await drain(reader);
  },
);

/** The frame numbers that the stand-in camera wrote into the first `count` frames of a stream. */
async function frameNumbers(stream: ReadableStream<Uint8Array>, count: number): Promise<number[]> {
  const numbers: number[] = [];
  const latin1 = new TextDecoder("latin1");
  let tail = "";
  for await (const bytes of stream) {
    const text = tail + latin1.decode(bytes);
    let seen = 0;
    for (const match of text.matchAll(/fake n=(\d+) /g)) {
      seen = match.index + match[0].length;
      numbers.push(Number(match[1]));
    }
    tail = text.slice(Math.max(seen, text.length - 40));
    if (numbers.length >= count) break;
  }
  return numbers;
}

async function runOnce(args: string[], env: Record<string, string>) {
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--allow-all", "main.ts", ...args],
    cwd: ROOT,
    env: { PORT: "0", ...env },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code: output.code, stdout: text(output.stdout), stderr: text(output.stderr) };
}

async function drain(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  try {
    while (!(await reader.read()).done);
  } catch {
    // the server has closed the connection
  }
}

function isAlive(pid: number): boolean {
  try {
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch {
    return false;
  }
}
