/** Programs that play pictures with sound, or sound alone. */
import { assert, assertEquals, assertLess } from "@std/assert";
import { join } from "@std/path";
import { eventually, Server } from "../server.ts";
import {
  asUser,
  client,
  type Figure,
  inMs,
  run,
  serveCamera,
  viewersOf,
  withFolder,
} from "./client.ts";

/** How far a picture and its beep may be apart in a file, in milliseconds. */
const MAX_APART = 30;

/** What ffmpeg 5 says of each PCM track without a channel layout, which Matroska cannot express. */
const GUESSED = /^Guessed Channel Layout for Input Stream #0\.\d : mono\n/;

/** Starts a server whose camera beeps. */
function serveSound(env: Record<string, string> = {}): Promise<Server> {
  return serveCamera({ AUDIO: "test", FPS: "25", ...env });
}

client(
  "ffprobe",
  "detects pictures and sound in /av.mkv without a warning",
  ["ffprobe"],
  async () => {
    await using server = await serveSound();
    const { code, stdout, stderr, took } = await run("ffprobe", [
      ...["-v", "warning", "-of", "default=nw=1", "-show_entries"],
      "format=format_name:stream=codec_name,width,height,sample_rate,channels",
      `${server.url}/av.mkv`,
    ]);
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout.trim().split("\n").sort(), [
      ...["channels=1", "codec_name=mjpeg", "codec_name=pcm_s16le"],
      ...["format_name=matroska,webm", "height=480", "sample_rate=24000", "width=640"],
    ]);
    return inMs(took);
  },
);

for (const [path, warnings] of [["/av.mkv", GUESSED], ["/av.mkv?fps=5", GUESSED]] as const) {
  client("ffmpeg", `decodes ${path} without a warning`, ["ffmpeg"], async () => {
    await using server = await serveSound();
    const { code, stderr } = await run("ffmpeg", [
      ...["-nostdin", "-v", "warning", "-i", `${server.url}${path}`, "-t", "8", "-f", "null", "-"],
    ]);
    assertEquals([code, stderr.replace(warnings, "")], [0, ""]);
    await eventually("the viewer is disconnected", async () => await viewersOf(server) === 0);
    return "8 s, 0 warnings";
  });
}

client("ffmpeg", "finds each beep of /av.mkv with its picture", ["ffmpeg"], async () => {
  await using server = await Server.start({ env: { FPS: "1", AUDIO: "test" } });
  return await findBeeps(server);
});

client("dinocam", "relays pictures and sound in step", ["ffmpeg"], async () => {
  await using server = await Server.start({ env: { FPS: "1", AUDIO: "test" } });
  const [SOURCE, AUDIO] = [`${server.url}/video_feed`, `${server.url}/audio.wav`];
  await using relay = await Server.start({ env: { CAMERA: "mjpeg", SOURCE, AUDIO } });
  return await findBeeps(relay);
});

/** Records `/av.mkv`, and compares the beeps with the changes of the picture. */
async function findBeeps(server: Server): Promise<Figure> {
  return await withFolder(async (folder) => {
    const file = join(folder, "av.mkv");
    const { code } = await run("ffmpeg", [
      ...["-nostdin", "-v", "error", "-i", `${server.url}/av.mkv`, "-t", "9", "-c", "copy", file],
    ]);
    assertEquals(code, 0);
    const pictures = await changesOf(file);
    const beeps = await beepsOf(file);
    assert(pictures.length >= 6 && beeps.length >= 6, `${pictures}; ${beeps}`);
    const apart = beeps.map((beep) => {
      const [nearest] = pictures.toSorted((a, b) => Math.abs(a - beep) - Math.abs(b - beep));
      return Math.abs(beep - nearest!);
    });
    const most = Math.max(...apart);
    assertLess(most, MAX_APART, `pictures: ${pictures}; beeps: ${beeps}`);
    return `${beeps.length} beeps, at most ${most.toFixed(1)} ms apart`;
  });
}

/** Returns when the picture changes, in milliseconds. The first one is older than its time. */
async function changesOf(file: string): Promise<number[]> {
  const { stdout } = await run("ffmpeg", [
    ...["-nostdin", "-v", "error", "-i", file, "-map", "0:v", "-fps_mode", "passthrough"],
    ...["-enc_time_base", "1:1000", "-pix_fmt", "yuvj420p", "-f", "framemd5", "-"],
  ]);
  const frames = stdout.split("\n").filter((line) => line.startsWith("0,"))
    .map((line) => line.split(",").map((field) => field.trim()));
  return frames.flatMap(([, , time, , , hash], i) =>
    i > 0 && hash !== frames[i - 1]![5] ? [Number(time)] : []
  );
}

/** Returns when a beep begins after silence, in milliseconds, with gaps filled as players do. */
async function beepsOf(file: string): Promise<number[]> {
  const child = new Deno.Command("ffmpeg", {
    args: [
      ...["-nostdin", "-v", "error", "-copyts", "-i", file, "-map", "0:a", "-af"],
      ...["aresample=async=1:min_hard_comp=0.01:first_pts=0", "-ar", "48000", "-f", "s16le", "-"],
    ],
  });
  const { stdout } = await child.output();
  const samples = new Int16Array(stdout.slice().buffer, 0, stdout.length >> 1);
  const beeps: number[] = [];
  let lastLoud = -Infinity;
  for (const [i, sample] of samples.entries()) {
    if (Math.abs(sample) < 1_000) continue;
    if (i - lastLoud > 4_800 && i > 4_800) beeps.push(i / 48);
    lastLoud = i;
  }
  return beeps;
}

client("ffmpeg", "decodes /audio.wav for as long as it runs", ["ffmpeg"], async () => {
  await using server = await serveSound();
  const { code, stdout } = await run("ffmpeg", [
    ...["-nostdin", "-v", "error", "-i", `${server.url}/audio.wav`, "-t", "4"],
    ...["-f", "framemd5", "-"],
  ]);
  assertEquals(code, 0);
  const last = stdout.trim().split("\n").at(-1)!.split(",");
  const seconds = (Number(last[2]) + Number(last[3])) / 24_000;
  assert(Math.abs(seconds - 4) < 0.1, `${seconds} s`);
  return `${seconds.toFixed(2)} s of 4 s`;
});

client("VLC", "plays /audio.wav", ["vlc", "setpriv"], async () => {
  await using server = await serveSound();
  return await withFolder(async (folder) => {
    await Deno.chmod(folder, 0o777);
    // Writes what it plays, in real time.
    const play = ["vlc", "-I", "dummy", "--aout", "afile", "--audiofile-file", "heard.wav"];
    const command = asUser([...play, `${server.url}/audio.wav`]);
    const playing = run(command[0]!, command.slice(1), {
      cwd: folder,
      env: { HOME: folder },
      ms: 6_000,
    });
    await eventually("VLC listens", async () => await listenersOf(server) === 1);
    await playing;
    const heard = await Deno.readFile(join(folder, "heard.wav"));
    const samples = new Int16Array(heard.slice(44).buffer, 0, (heard.length - 44) >> 1);
    const loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    assert(loudest > 5_000, `the loudest sample is ${loudest}`);
    return `beeps of ${loudest} of 32767`;
  });
});

client("curl", "-I of the routes of sound starts nothing", ["curl"], async () => {
  await using server = await serveSound();
  let took = 0;
  for (const path of ["/audio.wav", "/av.mkv"]) {
    const result = await run("curl", ["-sSI", "-m", "5", `${server.url}${path}`]);
    assertEquals([result.code, result.stdout.split("\r\n")[0]], [0, "HTTP/1.1 200 OK"]);
    took = Math.max(took, result.took);
  }
  const [{ state, sound }] = await (await fetch(`${server.url}/cameras`)).json();
  assertEquals([state, sound.state, sound.listeners], ["off", "off", 0]);
  return inMs(took);
});

client("curl", "receives /audio.wav in HTTP/1.0 and in chunks", ["curl"], async () => {
  await using server = await serveSound();
  for (const version of ["--http1.0", "--http1.1"]) {
    const args = [
      version,
      "-sSN",
      "-m",
      "3",
      "-D",
      "-",
      "-o",
      "/dev/null",
      "-w",
      "%{size_download}",
    ];
    const { code, stdout } = await run("curl", [...args, `${server.url}/audio.wav`]);
    assertEquals(code, 28);
    assertEquals(/transfer-encoding: chunked/i.test(stdout), version === "--http1.1");
    const bytes = Number(/\d+$/.exec(stdout)![0]);
    assert(bytes > 70_000 && bytes < 160_000, `${bytes} bytes`);
  }
  await eventually("the listeners have left", async () => await listenersOf(server) === 0);
  return "3 s each";
});

client("20 clients that read nothing", "of /audio.wav disturb nobody", ["curl"], async () => {
  await using server = await serveSound({ AUDIO_RATE: "48000" });
  const { hostname, port } = new URL(server.url);
  const stalled = await Promise.all(
    Array.from({ length: 20 }, () => Deno.connect({ hostname, port: Number(port) })),
  );
  try {
    const request = "GET /audio.wav HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (const client of stalled) await client.write(new TextEncoder().encode(request));
    await eventually("all listen", async () => await listenersOf(server) === 20);
    await eventually(
      "packets are dropped",
      async () => await metricOf(server, DROPPED) > 200,
      30_000,
    );
    const [memory, dropped] = [await metricOf(server, MEMORY), await metricOf(server, DROPPED)];
    const args = ["-sSN", "-m", "6", "-o", "/dev/null", "-w", "%{size_download}"];
    const { stdout } = await run("curl", [...args, `${server.url}/audio.wav`]);
    const seconds = (Number(stdout) - 44) / 96_000;
    assert(seconds > 5, `a listener got ${seconds} s of 6 s`);
    const lost = await metricOf(server, DROPPED) - dropped;
    assert(lost / 20 > 250, `${lost} packets`); // of 300
    const grown = (await metricOf(server, MEMORY) - memory) / 2 ** 20;
    assertLess(grown, 20, `${grown} MB`);
    return `${Math.round(lost / 20)} packets dropped each, ${grown.toFixed(1)} MB more`;
  } finally {
    for (const client of stalled) client.close();
  }
});

const DROPPED = "dinocam_sound_dropped_packets_total";
const MEMORY = "process_resident_memory_bytes";

/** Returns the value of a metric. */
async function metricOf(server: Server, name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(new RegExp(`^${name}\\S* (.*)$`, "m").exec(text)![1]);
}

/** Returns the number of listeners of the first camera. */
async function listenersOf(server: Server): Promise<number> {
  const [{ sound }] = await (await fetch(`${server.url}/cameras`)).json();
  return sound.listeners;
}
