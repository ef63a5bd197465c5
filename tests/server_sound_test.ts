import { assert, assertEquals, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import { LiveMatroskaDecoder } from "../lib/sound/live_matroska.ts";
import { permissionFlags } from "../lib/permissions/flags.ts";
import { SETTINGS } from "../lib/cli/settings.ts";
import { isInstalled, needing } from "./parts.ts";
import { leavingNoProcess } from "./processes.ts";
import { PULSE_AUDIO, PulseAudio } from "./pulse_audio.ts";
import { descendants, eventually, readUntil, ROOT, Server } from "./server.ts";

const RATE = 24_000;

/** Returns the permission flags of `deno task start` with these settings. */
function flagsFor(env: Record<string, string>, drivers: ("run" | "net")[] = []): string[] {
  const config = { host: "127.0.0.1", port: 0 };
  return permissionFlags({ config, drivers: new Set(drivers), settings: SETTINGS, env });
}

/** Starts a server with only the permissions of `deno task start`. */
function startPermitted(env: Record<string, string>, drivers?: ("run" | "net")[]): Promise<Server> {
  const command = [Deno.execPath(), "run", "-q", ...flagsFor(env, drivers), "main.ts"];
  return Server.start({ command, env });
}

/** Reads bytes of a response until there are enough, and closes the connection. */
async function readBytes(url: string, enough: number): Promise<number> {
  const response = await fetch(url);
  assertEquals(response.status, 200, await (response.status === 200 ? "" : response.text()));
  const reader = response.body!.getReader();
  let length = 0;
  while (length < enough) length += (await reader.read()).value!.length;
  await reader.cancel();
  return length;
}

async function capturesOf(server: Server): Promise<number> {
  return [...(await descendants(server.pid)).values()].filter((line) => /\bffmpeg\b/.test(line))
    .length;
}

Deno.test("permissionFlags() permits what the values of AUDIO need, also for one camera", () => {
  const granted = (env: Record<string, string>, name: string) =>
    flagsFor(env).filter((flag) => flag.startsWith(`--allow-${name}`));
  for (const AUDIO of ["test", "off", "mistake"]) assertEquals(granted({ AUDIO }, "run"), []);
  for (const AUDIO of ["pulse", "pulse:x", "alsa:plughw:1,0", "avfoundation:0", "dshow:x"]) {
    assertEquals(granted({ AUDIO }, "run"), ["--allow-run=ffmpeg"]);
  }
  assertEquals(granted({ FRONT_AUDIO: "pulse", AUDIO: "off" }, "run"), ["--allow-run=ffmpeg"]);
  assertEquals(granted({ AUDIO: "pulse", RECORD_DIR: "/r" }, "run"), ["--allow-run=ffmpeg"]);
  assertEquals(granted({ BACK_AUDIO: "exec:arecord" }, "run"), ["--allow-run"]);
  assertEquals(granted({ AUDIO: "pulse" }, "net"), ["--allow-net=127.0.0.1"]);
  assertEquals(granted({ AUDIO: "http://pi:8000/audio.wav" }, "net"), ["--allow-net"]);
});

Deno.test(
  "the server captures a microphone with the permissions of `deno task start`, and leaves no process",
  needing("ffmpeg", ...PULSE_AUDIO),
  async () => {
    await leavingNoProcess(async () => {
      await using audio = await PulseAudio.start();
      const env = { AUDIO: `pulse:${audio.source}`, IDLE_SECONDS: "0.5", ...audio.env };
      await using server = await startPermitted(env);
      const [snapshot] = await Promise.all([fetch(`${server.url}/snapshot.jpg`)]);
      await snapshot.bytes();
      assertEquals(await capturesOf(server), 0);
      await readBytes(`${server.url}/audio.wav`, RATE);
      await eventually("the capture has ended", async () => await capturesOf(server) === 0);
      // The capture is stopped together with the server, too.
      const { body } = await fetch(`${server.url}/audio.wav`);
      // The response may begin while the first capture is being closed.
      await eventually("it is captured again", async () => await capturesOf(server) === 1);
      const { code, took } = await server.stop("SIGINT");
      await body!.cancel().catch(() => {});
      assertEquals(code, 0);
      assertLess(took, 3_000);
      assertStringIncludes(server.output, "microphone started");
      assertEquals(server.output.includes("microphone failed"), false, server.output);
    });
  },
);

Deno.test("the server refuses to start without the permission for AUDIO, in one line", async () => {
  // Of a program that is not installed, the server says so when somebody listens.
  const devices = isInstalled("ffmpeg") ? ["pulse"] : [];
  for (const AUDIO of [...devices, "exec:deno", "http://192.0.2.1/audio.wav"]) {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", ...flagsFor({}), "main.ts"],
      cwd: ROOT,
      env: { AUDIO, PORT: "0" },
      stdin: "null",
    }).output();
    const text = new TextDecoder().decode(stderr);
    assertEquals(code, 2, text);
    assertMatch(
      text,
      /^Cannot run without Deno's permission --allow-(run|net): type deno task start/,
    );
    assertEquals(text.trim().split("\n").length, 1, text);
  }
});

Deno.test("the server starts with AUDIO=pulse where ffmpeg is not installed, and says what to install", async () => {
  const env = { AUDIO: "pulse", PATH: "/nonexistent" };
  await using server = await startPermitted(env);
  const response = await fetch(`${server.url}/audio.wav`);
  assertEquals(response.status, 503);
  assertMatch(await response.text(), /Cannot find ffmpeg on this machine \(.*install ffmpeg\)/);
  const picture = await fetch(`${server.url}/snapshot.jpg`);
  await picture.bytes();
  assertEquals(picture.status, 200);
});

Deno.test("a relay of another dinocam keeps its sound in step with its pictures", async () => {
  await using origin = await Server.start({
    env: { AUDIO: "test", FPS: "5", AUTH: "me:secret" },
  });
  const { port } = new URL(origin.url);
  const address = `http://me:secret@127.0.0.1:${port}`;
  const env = { CAMERA: "mjpeg", SOURCE: `${address}/video_feed`, AUDIO: `${address}/audio.wav` };
  await using relay = await startPermitted(env, ["net"]);
  assert(!relay.output.includes("secret"), relay.output);

  const video = await fetch(`${relay.url}/video_feed`);
  const pictures = readUntil(video.body!, (text) => text.split("--frame").length > 20);
  const sound = await fetch(`${relay.url}/audio.wav`, { headers: { Accept: "audio/x-matroska" } });
  const decoder = new LiveMatroskaDecoder();
  const beeps: number[] = [];
  let silent = 0;
  for await (const bytes of sound.body!) {
    for (const { bytes: samples, heardAt } of decoder.push(bytes)) {
      const values = new Int16Array(samples.slice().buffer);
      for (const [i, value] of values.entries()) {
        if (value !== 0 && silent > 2_400) beeps.push(heardAt! + i * 1_000 / RATE);
        silent = value === 0 ? silent + 1 : 0;
      }
    }
    if (beeps.length >= 4) break;
  }
  const stamps = [...(await pictures).matchAll(/X-Timestamp: (\S+)/g)].map(([, stamp]) =>
    Number(stamp) * 1_000
  );
  assertEquals(decoder.rate, RATE);
  const known = beeps.filter((beep) => beep > stamps[0]! - 50 && beep < stamps.at(-1)! + 50);
  assert(known.length >= 2, `${known.length} of ${beeps.length} beeps`);
  for (const beep of known) {
    const nearest = Math.min(...stamps.map((stamp) => Math.abs(stamp - beep)));
    assertLess(nearest, 2); // the times in the stream are whole milliseconds, twice
  }
});

Deno.test("a microphone that relays itself is refused", async () => {
  // The port is needed before the server starts.
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const url = `http://127.0.0.1:${port}/audio.wav`;
  await using server = await startPermitted({ PORT: `${port}`, AUDIO: url });
  const response = await fetch(`${server.url}/audio.wav`);
  assertEquals(response.status, 503);
  assertStringIncludes(await response.text(), "relays this microphone itself");
});
