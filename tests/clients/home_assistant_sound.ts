/** Runs the README's lines for Home Assistant with sound, with the commands of its programs. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { codeBlocks } from "../readme.ts";
import { Server } from "../server.ts";
import { client, run, withFolder } from "./client.ts";

/** Duration of a recording, in seconds. */
const SECONDS = 8;

const [GO2RTC, CAMERA] = codeBlocks("Microphones and sync") as [string, string];

/** Returns the README's address on a server. */
function onServer(line: string, server: Server): string {
  return line.replace("http://192.168.1.20:8000", server.url);
}

function startServer(): Promise<Server> {
  return Server.start({ env: { CAMERA: "front=emulated", FPS: "10", AUDIO: "test" } });
}

client(
  "go2rtc",
  "encodes /av.mkv as H.264 and Opus, as the README says",
  ["ffmpeg", "ffprobe"],
  async () => {
    await using server = await startServer();
    const [, source, video, audio] = /^ {2}front: ffmpeg:(http\S+?)#video=(\w+)#audio=(\w+)$/m
      .exec(GO2RTC) ?? [];
    assertEquals([video, audio], ["h264", "opus"]);
    return await withFolder(async (folder) => {
      const file = join(folder, "front.mkv");
      // The arguments of go2rtc 1.9, except that its output is RTSP.
      const { code, stderr } = await run("ffmpeg", [
        ...[
          "-nostdin",
          "-hide_banner",
          "-v",
          "error",
          "-fflags",
          "nobuffer",
          "-flags",
          "low_delay",
        ],
        ...["-i", onServer(source!, server), "-c:v", "libx264", "-g", "50", "-profile:v", "high"],
        ...["-level:v", "4.1", "-preset:v", "superfast", "-tune:v", "zerolatency"],
        ...["-pix_fmt:v", "yuv420p", "-c:a", "libopus", "-application:a", "lowdelay"],
        ...["-min_comp", "0", "-t", `${SECONDS}`, file],
      ]);
      assertEquals([code, stderr], [0, ""]);
      const packets = async (stream: string) => {
        const { stdout } = await run("ffprobe", [
          ...["-v", "error", "-select_streams", stream, "-of", "csv=p=0"],
          ...["-show_entries", "stream=codec_name:packet=pts_time", file],
        ]);
        const lines = stdout.trim().split("\n").map((line) => line.replace(/,$/, ""));
        return { codec: lines.at(-1), times: lines.slice(0, -1).map(Number) };
      };
      const [pictures, sound] = [await packets("v:0"), await packets("a:0")];
      assertEquals([pictures.codec, sound.codec], ["h264", "opus"]);
      // ffmpeg discards what it reads while it determines the frame rate (`-fflags nobuffer`).
      const [begin, soundBegin] = [pictures.times[0]!, sound.times[0]!];
      assertAlmostEquals(begin, soundBegin, 0.2);
      const seconds = SECONDS - begin;
      assert(seconds > 2, `${seconds} s`);
      assertAlmostEquals(pictures.times.length, seconds * 10, 5);
      assertAlmostEquals(sound.times.length, seconds * 50, 25); // packets of 20 ms
      return `${pictures.times.length} pictures, ${sound.times.length} packets`;
    });
  },
);

client(
  "Home Assistant",
  "shows the pictures of /av.mkv by its FFmpeg camera, as the README says",
  ["ffmpeg"],
  async () => {
    await using server = await startServer();
    assert(/^ {2}- platform: ffmpeg$/m.test(CAMERA), CAMERA);
    const [, input] = /^ {4}input: (\S+)$/m.exec(CAMERA) ?? [];
    // The arguments of haffmpeg 3: CameraMjpeg, with the default extra_arguments.
    const { code, stdout } = await run("ffmpeg", [
      ...["-nostdin", "-v", "error", "-i", onServer(input!, server), "-an", "-c:v", "mjpeg"],
      ...["-pred", "1", "-frames:v", "20", "-f", "mpjpeg", "-"],
    ]);
    assertEquals(code, 0);
    const parts = stdout.split("Content-type: image/jpeg").length - 1;
    assertEquals(parts, 20);
    return `${parts} pictures`;
  },
);
