import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { sizeOf } from "../lib/jpeg/segments.ts";
import { NatsServer } from "./nats_server.ts";
import { leftOut, needing } from "./parts.ts";
import { eventually, FAKES, readUntil, ROOT, Server } from "./server.ts";

/** A runtime for `deno compile`, instead of the one that it downloads. */
const RUNTIME = Deno.env.get("DENORT_BIN");
/** The deno that compiles; it must fit the runtime. */
const COMPILER = Deno.env.get("COMPILE_DENO");

// Under CI=true, too: what is missing is a download, not a program.
const { ignore } = RUNTIME || COMPILER
  ? { ignore: false }
  : leftOut("a runtime for deno compile (DENORT_BIN or COMPILE_DENO)");

Deno.test({
  name: "the compiled binary serves everything from an empty folder",
  ignore,
  async fn(t) {
    const folder = await Deno.makeTempDir();
    const binary = join(folder, "dinocam");
    await compile(binary);
    const empty = join(folder, "empty");
    await Deno.mkdir(empty);
    const start = (env: Record<string, string>) =>
      Server.start({ command: [binary], cwd: empty, env });

    await t.step("the bundled cameras and the page", async () => {
      const PATH = `${FAKES}:${Deno.env.get("PATH")}`;
      await using server = await start({ CAMERA: "emulated,pi", PATH });
      const page = await (await fetch(`${server.url}/`)).text();
      for (const [, file] of page.matchAll(/"(static\/[^"]+)"/g)) {
        const response = await fetch(`${server.url}/${file}`);
        assertEquals([file, response.status], [file, 200]);
        await response.bytes();
      }
      for (const name of ["emulated", "pi"]) {
        const { body } = await fetch(`${server.url}/cameras/${name}/video_feed`);
        const text = await readUntil(body!, (text) => text.split("--frame\r\n").length > 2);
        assertMatch(text, /^--frame\r\nContent-Type: image\/jpeg\r\nContent-Length: \d+\r\n/);
      }
      assertEquals((await server.stop()).code, 0);
    });

    await t.step("a driver of the user, as .js", async () => {
      const drivers = join(folder, "drivers");
      await Deno.mkdir(drivers);
      await Deno.writeTextFile(
        join(drivers, "mine.js"),
        `import { splitJpegs } from "dinocam/jpeg/split.ts";
         import { run } from "dinocam/process/mod.ts";
         export default {
           configure: () => ({}),
           open: (_, signal) => splitJpegs(run("rpicam-vid", ["-t", "0", "-n", "--codec", "mjpeg", "-o", "-"], signal)),
         };`,
      );
      const PATH = `${FAKES}:${Deno.env.get("PATH")}`;
      await using server = await start({ CAMERA: "mine", CAMERAS_DIR: "../drivers", PATH });
      const snapshot = await fetch(`${server.url}/snapshot.jpg`);
      assertEquals([...(await snapshot.bytes()).subarray(0, 3)], [0xff, 0xd8, 0xff]);
    });

    await t.step("recording, and no permission to write without it", async () => {
      const recordings = join(folder, "recordings");
      {
        await using server = await start({ RECORD_DIR: recordings, FPS: "20" });
        await eventually("a frame is recorded", async () => {
          const { url } = server;
          const snapshot = await fetch(`${url}/cameras/emulated/snapshot.jpg?at=now`);
          await snapshot.bytes();
          return snapshot.status === 200;
        });
        assertEquals((await server.stop()).code, 0);
      }
      await Deno.writeTextFile(
        join(folder, "drivers", "writing.js"),
        `import { CameraError } from "dinocam/errors.ts";
         export default {
           configure: () => ({}),
           async *open() {
             const failure = await Deno.writeTextFile("written", "").catch((error) => error);
             throw new CameraError("outcome: " + failure?.name, { permanent: true });
           },
         };`,
      );
      await using server = await start({ CAMERA: "writing", CAMERAS_DIR: "../drivers" });
      const snapshot = await fetch(`${server.url}/snapshot.jpg`);
      assertStringIncludes(await snapshot.text(), "outcome: NotCapable");
    });

    await t.step("sound", async () => {
      await using server = await start({ AUDIO: "test" });
      const { body, headers } = await fetch(`${server.url}/audio.wav`);
      assertEquals(headers.get("Content-Type"), "audio/wav");
      await readUntil(body!, (text) => text.startsWith("RIFF") && text.length > 10_000);
      assertEquals((await server.stop()).code, 0);
    });

    await t.step("pictures in another size, which Workers make", async () => {
      await using server = await start({});
      const response = await fetch(`${server.url}/snapshot.jpg?height=240&overlay=1`);
      const jpeg = await response.bytes();
      assertEquals([response.status, sizeOf(jpeg)], [200, { width: 320, height: 240 }]);
      const { body } = await fetch(`${server.url}/video_feed?height=120`);
      await readUntil(body!, (text) => text.split("--frame\r\n").length > 3);
      assertEquals((await server.stop()).code, 0);
    });

    await t.step({
      name: "an origin and an edge",
      ...needing("nats-server"),
      async fn() {
        const { size } = await Deno.stat(binary);
        console.log(`Size of the binary: ${(size / 1e6).toFixed(1)} MB`);
        await using hub = await NatsServer.start();
        await using origin = await start({ NATS_URL: hub.url, PUBLISH: "all" });
        await using edge = await start({ NATS_URL: hub.url, CAMERA: "nats" });
        await eventually("a frame arrives", async () => {
          const snapshot = await fetch(`${edge.url}/cameras/emulated/snapshot.jpg`);
          await snapshot.bytes();
          return snapshot.status === 200;
        });
        for (const server of [edge, origin]) assertEquals((await server.stop()).code, 0);
      },
    });

    await t.step("a driver as .ts is rejected with the reason", async () => {
      await Deno.writeTextFile(join(folder, "drivers", "typed.ts"), "export default {}");
      const { code, stderr } = await new Deno.Command(binary, {
        cwd: empty,
        env: { CAMERA: "typed", CAMERAS_DIR: "../drivers" },
      }).output();
      assertEquals(code, 2);
      assertStringIncludes(new TextDecoder().decode(stderr), ".js files, not .ts");
    });

    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("deno task compile without network says in one line what to do", async () => {
  const folder = await Deno.makeTempDir();
  // An empty cache, and a proxy that does not answer.
  const proxy = "http://127.0.0.1:9";
  const { DENORT_BIN: _, ...others } = Deno.env.toObject();
  const env = { ...others, DENO_DIR: folder, HTTPS_PROXY: proxy, NO_COLOR: "1" };
  await Deno.symlink(await npmCache(), join(folder, "npm"));
  const { code, stderr } = await runTask(join(folder, "dinocam"), env);
  const lines = new TextDecoder().decode(stderr).trimEnd().split("\n");
  assertEquals(code, 1);
  assertMatch(lines.at(-1)!, /^Cannot download the runtime .*: connect to the internet, or set /);
  assertEquals(lines.filter((line) => /^(error|Stack|Caused)| at /.test(line)), []);
  await Deno.remove(folder, { recursive: true });
});

/** Runs the task `compile`, with another path for the binary. */
async function compile(binary: string): Promise<void> {
  const { success, stderr } = await runTask(binary);
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

async function runTask(binary: string, env = Deno.env.toObject()) {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const args = tasks.compile.command.replace("bin/dinocam", binary).split(" ").slice(1);
  const options = { args, cwd: ROOT, env, clearEnv: true };
  return await new Deno.Command(COMPILER ?? Deno.execPath(), options).output();
}

/** Returns the folder with the packages that this Deno has downloaded. */
async function npmCache(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).npmCache;
}
