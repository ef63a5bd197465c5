/** Runs the lines of the README's table of clients as written, except for the port. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { PYTHON } from "../parts.ts";
import { README } from "../readme.ts";
import type { Server } from "../server.ts";
import { CHROMIUM, openChromium } from "./browsers.ts";
import {
  assertWhole,
  asUser,
  client,
  CV2,
  type Figure,
  inMs,
  run,
  serveCamera,
  viewersOf,
} from "./client.ts";
import type { Reader } from "./readers/parts.ts";
import { readAsGo2rtc, readAsMjpgStreamer, testAsMotionEye } from "./readers/recorders.ts";
import { readAsFluidd, readAsMainsail, stillOfHomeAssistant } from "./readers/web.ts";
import { loaded, paintsSoon, servePage } from "./windows.ts";

/** How a row is tested: the programs that it needs, and what to do with its line. */
interface Runner {
  readonly programs: readonly string[];
  run(line: string, server: Server): Promise<Figure>;
}

const RUNNERS: Record<string, Runner> = {
  "a web page": { programs: CHROMIUM, run: showInPage },
  "curl": { programs: ["curl"], run: givesPicture },
  "wget": { programs: ["wget"], run: givesPicture },
  "ffmpeg": { programs: ["ffmpeg", "ffprobe"], run: (line) => records(line) },
  "ffplay": { programs: ["ffplay"], run: plays },
  "VLC": { programs: ["vlc", "setpriv"], run: plays },
  "OpenCV": { programs: [CV2], run: givesShape },
  "OpenCV with GStreamer": { programs: [CV2], run: givesShape },
  "GStreamer": { programs: ["gst-launch-1.0"], run: plays },
  "Home Assistant: MJPEG URL": { programs: [], run: reads(stillOfHomeAssistant, 1) },
  "Home Assistant: still image URL": { programs: [], run: isPicture },
  "OctoPrint: stream URL": { programs: CHROMIUM, run: showInImage },
  "OctoPrint: snapshot URL": { programs: [], run: isPicture },
  "Mainsail, Fluidd: stream_url": { programs: [], run: reads(readAsMainsail, 5, readAsFluidd) },
  "Mainsail, Fluidd, Moonraker: snapshot_url": { programs: [], run: isPicture },
  "go2rtc, Frigate": { programs: [], run: reads(readAsGo2rtc, 5) },
  "motionEye: network camera": { programs: [], run: isNetworkCamera },
  "mjpg-streamer": { programs: [], run: readsByInputHttp },
  "curl: sound": { programs: ["curl"], run: recordsSound },
  "ffmpeg: with sound": { programs: ["ffmpeg", "ffprobe"], run: recordsWithSound },
  "ffplay: with sound": { programs: ["ffplay"], run: plays },
  "VLC: with sound": { programs: ["vlc", "setpriv"], run: plays },
  "mpv: with sound": { programs: ["mpv"], run: plays },
  "GStreamer: with sound": { programs: ["gst-launch-1.0"], run: plays },
  "Home Assistant: FFmpeg camera": { programs: ["ffmpeg"], run: isReadByHomeAssistant },
};

/** Time that a player runs, in milliseconds. */
const PLAY_TIME = 5_000;

const [, table] = /<!-- works-with -->\n([^]*?)<!-- \/works-with -->/.exec(README)!;
const lines = new Map(
  table!.trim().split("\n").slice(2).map((row) => {
    const [, name, line] = /^\| (.+?) \| `(.+?)` \|/.exec(row)!;
    return [name!, line!];
  }),
);

Deno.test("the README's table of clients and the tests here have the same rows", () => {
  assertEquals([...lines.keys()], Object.keys(RUNNERS));
});

for (const [name, line] of lines) {
  const { programs, run } = RUNNERS[name]!;
  client(
    `README: ${name}`,
    line.length > 72 ? `${line.slice(0, 71)}…` : line,
    programs,
    async () => {
      // The rate that ffmpeg and programs based on it assume for a stream that does not state one.
      await using server = await serveCamera({ FPS: "25", AUDIO: "test" });
      return await run(line.replaceAll(":8000", `:${portOf(server)}`), server);
    },
  );
}

function portOf(server: Server): string {
  return new URL(server.url).port;
}

/** Returns the first address in a line. */
function addressIn(line: string): string {
  return /http:\/\/localhost:\d+[^\s"';]*/.exec(line)![0];
}

/** Runs a line in a shell, in a temporary folder, without a display. */
async function inShell(line: string, { ms = 40_000 } = {}) {
  const folder = await Deno.makeTempDir();
  await Deno.chmod(folder, 0o777);
  const env = {
    SDL_VIDEODRIVER: "dummy",
    SDL_AUDIODRIVER: "dummy",
    HOME: folder,
    DISPLAY: "",
    WAYLAND_DISPLAY: "",
    // Without a display, sinks of gstreamer1.0-plugins-bad fail late or loudly: its fakes come first.
    GST_PLUGIN_FEATURE_RANK: "fakevideosink:MAX,fakeaudiosink:MAX",
  };
  // Debian packages OpenCV for the system's Python, which may not be the first `python3` on the
  // PATH.
  const command = asUser(["sh", "-c", `exec ${line.replace(/^python3/, PYTHON)}`]);
  const result = await run(command[0]!, command.slice(1), { cwd: folder, env, ms });
  return { ...result, folder };
}

async function givesPicture(line: string): Promise<Figure> {
  const { code, stderr, folder, took } = await inShell(line);
  assertEquals(code, 0, stderr);
  const picture = await Deno.readFile(join(folder, "picture.jpg"));
  await Deno.remove(folder, { recursive: true });
  assertWhole([picture]);
  return inMs(took);
}

async function records(line: string, { codecs = ["mjpeg"] } = {}): Promise<Figure> {
  const { code, stderr, folder } = await inShell(line.replace("-i ", "-v error -i "));
  assertEquals([code, stderr], [0, ""]);
  const { stdout } = await run("ffprobe", [
    ...["-v", "error", "-show_entries", "format=duration:stream=codec_name", "-of", "csv=p=0"],
    join(folder, "recording.mkv"),
  ]);
  await Deno.remove(folder, { recursive: true });
  const [duration, ...found] = stdout.trim().split("\n").reverse();
  assertEquals(found.reverse(), codecs);
  assert(Math.abs(Number(duration) - 10) < 0.5, stdout);
  return `${Number(duration).toFixed(1)} s of 10 s`;
}

async function recordsWithSound(line: string): Promise<Figure> {
  return await records(line, { codecs: ["mjpeg", "pcm_s16le"] });
}

async function recordsSound(line: string): Promise<Figure> {
  const { code, folder } = await inShell(line);
  assertEquals(code, 28); // curl has reached its time limit
  const sound = await Deno.readFile(join(folder, "sound.wav"));
  await Deno.remove(folder, { recursive: true });
  assertEquals(new TextDecoder().decode(sound.subarray(0, 4)), "RIFF");
  const seconds = (sound.length - 44) / 48_000;
  assert(seconds > 8 && seconds < 10.5, `${seconds} s`);
  return `${seconds.toFixed(1)} s of 10 s`;
}

/** Reads frames as Home Assistant's FFmpeg camera, which has ffmpeg write multipart. */
async function isReadByHomeAssistant(line: string): Promise<Figure> {
  const { code, stdout, stderr } = await run("ffmpeg", [
    ...["-nostdin", "-v", "error", "-i", addressIn(line), "-frames:v", "50"],
    ...["-c:v", "mjpeg", "-an", "-f", "mpjpeg", "-"],
  ]);
  assertEquals([code, stderr], [0, ""]);
  const frames = stdout.split("Content-type: image/jpeg").length - 1;
  assertEquals(frames, 50);
  return `${frames} frames`;
}

async function givesShape(line: string): Promise<Figure> {
  const { code, stdout, stderr, folder } = await inShell(line);
  await Deno.remove(folder, { recursive: true });
  assertEquals([code, stdout.trim()], [0, "(480, 640, 3)"], stderr);
  return stdout.trim();
}

/** Runs a player for {@link PLAY_TIME}: it must count as one viewer and receive frames. */
async function plays(line: string, server: Server): Promise<Figure> {
  const headless = line.replace(/^vlc /, "vlc -I dummy --aout dummy --vout dummy ")
    .replace(/^mpv /, "mpv --no-config --vo=null --ao=null ");
  const playing = inShell(headless, { ms: PLAY_TIME });
  await new Promise((resolve) => setTimeout(resolve, PLAY_TIME - 500));
  const [{ viewers, sent, sound }] = await (await fetch(`${server.url}/cameras`)).json();
  const { stderr, folder } = await playing;
  await Deno.remove(folder, { recursive: true });
  assertEquals([viewers, sound.listeners], [1, line.includes("av.mkv") ? 1 : 0], stderr);
  // A player that shows nothing soon stops reading, too.
  assert(sent > 30, `${sent} frames`);
  assertEquals(/^.*(?:Could not|Expected boundary|Invalid data).*$/im.exec(stderr)?.[0], undefined);
  return `plays ${sent} frames`;
}

async function showInPage(line: string, server: Server): Promise<Figure> {
  await using page = servePage(line); // of another origin than the server, like a page of the user
  await using browser = await openChromium();
  await browser.goTo(page.origin);
  await loaded(browser, page.origin, "document.images[0]?.naturalWidth === 640");
  assertEquals(await viewersOf(server), 1);
  return "shown, 640 wide";
}

async function showInImage(line: string, server: Server): Promise<Figure> {
  await using browser = await openChromium();
  const { origin, pathname, search } = new URL(addressIn(line));
  await browser.goTo(`${origin}/nothing`);
  await loaded(browser, origin);
  assertEquals(portOf(server), new URL(origin).port);
  // OctoPrint appends the time, so that no cache responds.
  const url = `${pathname}${search}&${Date.now()}`;
  return await paintsSoon(browser, { url, fps: 25, seconds: 3 });
}

async function isPicture(line: string): Promise<Figure> {
  const begun = performance.now();
  const response = await fetch(addressIn(line));
  assertEquals([response.status, response.headers.get("Content-Type")], [200, "image/jpeg"]);
  assertWhole([await response.bytes()]);
  return inMs(performance.now() - begun);
}

function reads(...[read, count, other]: [Reader, number, Reader?]) {
  return async (line: string): Promise<Figure> => {
    const pictures = await read(addressIn(line), count);
    assertEquals(pictures.length, count);
    assertWhole(pictures);
    if (other) assertEquals((await other(addressIn(line), count)).length, count);
    return count === 1 ? "a still" : `${count} frames`;
  };
}

async function isNetworkCamera(line: string): Promise<Figure> {
  const { kind } = await testAsMotionEye(addressIn(line));
  assertEquals(kind, "MJPEG");
  return kind;
}

async function readsByInputHttp(line: string, server: Server): Promise<Figure> {
  // This line has the port in a separate option.
  assertMatch(line, /-H localhost -p 8000"$/);
  const pictures = await readAsMjpgStreamer(`http://127.0.0.1:${portOf(server)}`, 5);
  assertWhole(pictures);
  return `${pictures.length} frames`;
}
