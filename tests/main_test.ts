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

const ofPi = { CAMERA: "pi", PATH: `${FAKES}:${Deno.env.get("PATH")}`, FAKE_CAMERA_COMMENT: "1" };

Deno.test("the server without any setting shows the emulated camera, to this machine only", async () => {
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
  "50 viewers get frames of the Pi in order and none twice, from one capture",
  needing(PYTHON),
  async () => {
    const size = { WIDTH: "640", HEIGHT: "360" }; // one process reads for all 50
    await using server = await Server.start({ env: { ...ofPi, ...size, IDLE_SECONDS: "1" } });
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
    // What nobody got, the camera has left out: it does while its output is full.
    const given = [...new Set(seen.flat())];
    let missing = 0;
    for (const numbers of seen) {
      assert(numbers.every((number, i) => i === 0 || number > numbers[i - 1]!), `${numbers}`);
      const due = given.filter((one) => one >= numbers[0]! && one <= numbers.at(-1)!);
      missing += due.length - numbers.length;
    }
    // Fifty readers in one process may be too slow for a frame: then the server has left it out, and says so.
    const left = () => [...server.output.matchAll(/viewer disconnected .* dropped=(\d+)/g)];
    await eventually("all have left", () => left().length === 50);
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
  "SIGTERM ends the server with status 0 within a second, viewers or not",
  needing(PYTHON),
  async () => {
    await using server = await Server.start({ env: ofPi });
    const watching = await Promise.all(
      Array.from({ length: 10 }, async (_, i) => {
        const { body } = await fetch(`${server.url}/video_feed`);
        const reader = body!.getReader();
        await reader.read();
        // Some go on reading, some never read again.
        return { reader, ended: i < 5 ? drain(reader) : Promise.resolve() };
      }),
    );
    const captures = [...(await descendants(server.pid)).keys()];
    assertEquals(captures.length, 1);
    const { code, took } = await server.stop();
    assertEquals(code, 0);
    assertLess(took, 1_000);
    assertEquals(captures.filter(isAlive), []);
    await Promise.all(watching.map(({ ended }) => ended));
    await Promise.all(watching.map(({ reader }) => reader.cancel().catch(() => {})));
  },
);

Deno.test(
  "a capture that ignores every polite signal does not survive the server",
  needing(PYTHON),
  async () => {
    const stubborn = { FAKE_CAMERA_IGNORE_SIGINT: "1", FAKE_CAMERA_IGNORE_SIGTERM: "1" };
    await using server = await Server.start({ env: { ...ofPi, ...stubborn } });
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
  "two cameras have each its own settings and its own stream",
  needing(PYTHON),
  async () => {
    const env = {
      ...ofPi,
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
  const [name, env, complaint] of [
    [
      "an unknown driver",
      { CAMERA: "webcam" },
      /^Cannot find camera driver "webcam": available are .*emulated.*pi/,
    ],
    [
      "a path for a driver",
      { CAMERA: "../../etc/x" },
      /^Cannot read CAMERA as drivers, .*"..\/..\/etc\/x"$/,
    ],
    ["a URL for a driver", { CAMERA: "data:text/javascript,1" }, /^Cannot read CAMERA as /],
    ["a package for a driver", { CAMERA: "npm:hono" }, /^Cannot read CAMERA as /],
    [
      "a port that is none",
      { PORT: "http" },
      /^Cannot read PORT as a whole number from 0 to 65535: current value is "http"$/,
    ],
    [
      "a rate that is none",
      { FPS: "fast" },
      /^Cannot read FPS as a number from 0.01 to 240: current value is "fast"$/,
    ],
    [
      "one camera's bad rate",
      { CAMERA: "front=emulated", FRONT_FPS: "0" },
      /^Cannot read FRONT_FPS as a number/,
    ],
    [
      "a rotation that a Pi cannot do",
      { CAMERA: "pi", ROTATE: "90" },
      /^Cannot read ROTATE as "0" or "180": current value is "90"$/,
    ],
    ["two cameras of one name", { CAMERA: "pi,pi" }, /^Cannot have two cameras called "pi"/],
    [
      "a folder that is not there",
      { CAMERAS_DIR: "/nowhere" },
      /^Cannot read CAMERAS_DIR: .*"\/nowhere"$/,
    ],
    [
      "a bad idle time",
      { IDLE_SECONDS: "soon" },
      /^Cannot read IDLE_SECONDS as a number of seconds .*"soon"$/,
    ],
  ] as const
) {
  Deno.test(`${name} is refused in one line, exit code 2`, async () => {
    const { code, stdout, stderr } = await runOnce([], env);
    assertMatch(stderr.trimEnd(), complaint);
    assertEquals({ code, stdout, lines: stderr.trimEnd().split("\n").length }, {
      code: 2,
      stdout: "",
      lines: 1,
    });
  });
}

Deno.test("a wrong flag is refused in one line, exit code 2", async () => {
  const { code, stderr } = await runOnce(["--prot", "80"], {});
  assertEquals({ code, lines: stderr.trimEnd().split("\n").length }, { code: 2, lines: 1 });
  assertStringIncludes(stderr, "--prot");
});

Deno.test("--version and --help answer", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  assertEquals(await runOnce(["--version"], {}), { code: 0, stdout: `${version}\n`, stderr: "" });
  const help = await runOnce(["--help"], {});
  assertEquals([help.code, help.stderr], [0, ""]);
  for (const name of ["CAMERA", "HOST", "PORT", "SOURCE", "IDLE_SECONDS", "CAMERAS_DIR"]) {
    assertStringIncludes(help.stdout, name);
  }
});

Deno.test("a port in use is told in one line", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { code, stderr } = await runOnce([], { PORT: `${taken.addr.port}` });
  assertEquals(code, 1);
  assertEquals(
    stderr,
    `Cannot listen on 127.0.0.1:${taken.addr.port}: another program does; choose another PORT\n`,
  );
});

/** The numbers that the stand-in wrote into the first `count` frames of a stream. */
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
    // the server is gone
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
