import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import { eventually, ROOT, Server } from "./server.ts";

/** What `GET /cameras/:name/recordings` returns. */
interface Recordings {
  readonly oldest: number | null;
  readonly newest: number | null;
  readonly state: string;
  readonly reason?: string;
  readonly spans: readonly { start: number; end: number; frames: number; bytes: number }[];
}

/** Runs a test with an empty folder for recordings, and removes it afterwards. */
async function withFolder(test: (dir: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(join(folder, "recordings"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Starts a server that records, with the permissions of `deno task start`. */
async function startRecording(dir: string, env: Record<string, string> = {}): Promise<Server> {
  const settings = { RECORD_DIR: dir, FPS: "20", PORT: "0", ...env };
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-q", "--allow-env", "--allow-read=cameras,.env"],
      "lib/cli/permission_flags.ts",
    ],
    cwd: ROOT,
    env: settings,
  }).output();
  const flags = new TextDecoder().decode(stdout).trim().split(" ");
  return await Server.start({
    command: [Deno.execPath(), "run", "-q", ...flags, "main.ts"],
    env: settings,
  });
}

async function recordings(server: Server, camera = "emulated"): Promise<Recordings> {
  return await (await fetch(`${server.url}/cameras/${camera}/recordings`)).json();
}

function framesIn({ spans }: Recordings): number {
  return spans.reduce((sum, { frames }) => sum + frames, 0);
}

/** Waits until a number of frames is recorded. */
async function recorded(server: Server, frames: number, camera?: string): Promise<Recordings> {
  let latest: Recordings | undefined;
  await eventually(`${frames} frames are recorded`, async () => {
    latest = await recordings(server, camera);
    return framesIn(latest) >= frames;
  });
  return latest!;
}

Deno.test("the server records, and returns the recorded frame of a moment", () =>
  withFolder(async (dir) => {
    const begun = Date.now();
    await using server = await startRecording(dir);
    assertMatch(server.output, /^Recording emulated in \S+recordings: at most 10 GB/m);
    assertEquals(server.output.match(/warn|error/gi), null, server.output);
    const { oldest, newest, state } = await recorded(server, 40);
    assertEquals(state, "recording");
    assert(begun <= oldest! && oldest! < newest! && newest! <= Date.now());

    const at = Math.round((oldest! + newest!) / 2);
    const response = await fetch(`${server.url}/cameras/emulated/snapshot.jpg?at=${at / 1000}`);
    assertEquals([response.status, response.headers.get("Content-Type")], [200, "image/jpeg"]);
    const behind = at - Number(response.headers.get("X-Timestamp")) * 1000;
    assert(behind >= 0 && behind < 1_000, `${behind}`);
    const jpeg = await response.bytes();
    const samples = await Promise.all(
      [1, 2, 3].map((i) => Deno.readFile(new URL(`cameras/emulated/${i}.jpg`, ROOT))),
    );
    assert(samples.some((sample) => `${sample}` === `${jpeg}`));

    const [camera] = await (await fetch(`${server.url}/cameras`)).json();
    assertEquals([camera.recording.state, camera.recording.oldest], ["recording", oldest]);
    assertEquals(camera.viewers, 0);
    assertGreater(camera.recording.bytesPerSecond, 10_000);
    const { recording } = await (await fetch(`${server.url}/healthz`)).json();
    assertEquals(recording, []);
    const { code, took } = await server.stop();
    assertEquals(code, 0, server.output);
    assertLess(took, 3_000);
  }));

Deno.test("the server keeps its recordings and marks when it is killed, and repairs them", () =>
  withFolder(keepsRecordings));

Deno.test("the server records and repairs through a link to a folder", () =>
  withFolder(async (dir) => {
    await Deno.mkdir(dir);
    await Deno.symlink(dir, `${dir}-link`);
    await keepsRecordings(`${dir}-link`);
  }));

/** Asserts that a server continues the recordings and marks of one that was killed. */
async function keepsRecordings(dir: string): Promise<void> {
  let before: Recordings;
  {
    await using server = await startRecording(dir);
    before = await recorded(server, 30);
    const mark = `${server.url}/cameras/emulated/marks?label=layer&at=-1s`;
    assertEquals((await (await fetch(mark, { method: "POST" })).json()).label, "layer");
    await server.stop("SIGKILL");
  }
  await using server = await startRecording(dir);
  const after = await recorded(server, framesIn(before) + 20);
  assertEquals(after.oldest, before.oldest);
  const kept = after.spans.filter(({ start }) => start <= before.newest!);
  assertEquals(kept.length, 1);
  const marks = await (await fetch(`${server.url}/cameras/emulated/marks`)).json();
  assertEquals(marks.map(({ label }: { label: string }) => label), ["layer"]);
  const at = before.newest! / 1000;
  const snapshot = await fetch(`${server.url}/cameras/emulated/snapshot.jpg?at=${at}`);
  await snapshot.bytes();
  assertEquals(Number(snapshot.headers.get("X-Timestamp")), at);
  assertEquals((await server.stop()).code, 0);
}

Deno.test("the server records the cameras in RECORD only, and starts the others on demand", () =>
  withFolder(async (dir) => {
    await using server = await startRecording(dir, {
      CAMERA: "front=emulated,back=emulated",
      RECORD: "front",
    });
    await recorded(server, 5, "front");
    const response = await fetch(`${server.url}/cameras/back/recordings`);
    assertEquals([response.status, await response.text()], [
      404,
      'Nothing is recorded of camera "back": see RECORD\n',
    ]);
    const cameras = await (await fetch(`${server.url}/cameras`)).json();
    assertEquals(cameras.map(({ state }: { state: string }) => state), ["streaming", "off"]);
    await server.stop();
  }));

Deno.test("recording pauses with the reason while its folder is gone, and viewers are not affected", () =>
  withFolder(async (dir) => {
    await using server = await startRecording(dir);
    await recorded(server, 10);
    const health = async () => {
      const response = await fetch(`${server.url}/healthz`);
      return { status: response.status, recording: (await response.json()).recording };
    };
    await Deno.rename(dir, `${dir}-gone`);
    await Deno.remove(`${dir}-gone/emulated`, { recursive: true }); // a new segment fails
    await eventually("recording pauses", async () => (await health()).recording.length > 0, 90_000);
    const { status, recording: [{ camera, reason }] } = await health();
    assertEquals([status, camera], [200, "emulated"]);
    assertStringIncludes(reason, "RECORD_DIR is gone");
    const snapshot = await fetch(`${server.url}/snapshot.jpg`);
    await snapshot.bytes();
    assertEquals(snapshot.status, 200);
    await Deno.rename(`${dir}-gone`, dir);
    await eventually(
      "recording resumes",
      async () => (await health()).recording.length === 0,
      30_000,
    );
    const { state } = await recordings(server);
    assertEquals(state, "recording");
    assertEquals((await server.stop()).code, 0);
  }));

Deno.test("a second server with the same RECORD_DIR exits with one line", () =>
  withFolder(async (dir) => {
    await using server = await startRecording(dir);
    const { code, stderr } = await run({ RECORD_DIR: dir });
    assertEquals([code, stderr.split("\n").length], [2, 1]);
    assertStringIncludes(stderr, `Cannot record in "${dir}": another dinocam server records there`);
    await server.stop("SIGKILL");
    await using next = await startRecording(dir); // a killed server leaves no lock behind
    assertEquals((await next.stop()).code, 0);
  }));

Deno.test("the server refuses to start with a RECORD_DIR that it cannot use", () =>
  withFolder(async (dir) => {
    await Deno.writeTextFile(dir, "a file");
    for (
      const [env, message] of [
        [{ RECORD_DIR: dir }, /^Cannot record in ".*": .*folder/],
        [{ RECORD_DIR: join(dir, "..", "no", "folder") }, /^Cannot record in ".*": .*/],
        [{ RECORD_DIR: "/proc/recordings" }, /^Cannot record in "\/proc\/recordings": /],
        [{ RECORD_DIR: join(dir, "..", "x"), RECORD: "back" }, /^Cannot record camera "back" of /],
      ] as [Record<string, string>, RegExp][]
    ) {
      const { code, stderr } = await run(env);
      assertEquals([code, stderr.split("\n").length], [2, 1], stderr);
      assertMatch(stderr, message);
    }
  }));

Deno.test("the server without RECORD_DIR does not record", async () => {
  await using server = await Server.start({
    command: [Deno.execPath(), "task", "-q", "start"],
    env: { PORT: "0" },
  });
  assert(!server.output.includes("Recording"));
  const response = await fetch(`${server.url}/cameras/emulated/recordings`);
  assertEquals([response.status, await response.text()], [
    404,
    "Nothing is recorded: set RECORD_DIR\n",
  ]);
  await server.stop();
});

/** Runs `deno task start` until it exits. */
async function run(env: Record<string, string>) {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "-q", "start"],
    cwd: ROOT,
    env: { PORT: "0", NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr).trimEnd() };
}
