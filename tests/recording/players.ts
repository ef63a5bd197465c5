import { asUser, CV2, run } from "../clients/client.ts";
import { PYTHON } from "../parts.ts";

/** A program that plays Matroska files. */
export interface Player {
  readonly name: string;
  /** Programs that must be installed. */
  readonly programs: readonly string[];
  /** Number of frames at the end that the program leaves out of every file. */
  readonly leavesOut?: number;
  /**
   * Plays a file as fast as possible.
   *
   * @param folder An empty folder that any user may write to.
   * @returns Time of each frame in milliseconds, and what the program complains about.
   */
  play(file: string, folder: string): Promise<{ times: number[]; complaints: string }>;
}

/** Prints the time of each frame that OpenCV decodes. */
const OPENCV = `
import sys, cv2
capture = cv2.VideoCapture(sys.argv[1])
while capture.read()[0]: print(capture.get(cv2.CAP_PROP_POS_MSEC))
`;

/** The players that must be able to read a segment. */
export const PLAYERS: readonly Player[] = [
  {
    name: "ffprobe",
    programs: ["ffprobe"],
    async play(file) {
      const options = ["-v", "warning", "-select_streams", "v", "-show_entries", "packet=pts_time"];
      const args = [...options, "-of", "csv=p=0", file];
      const { stdout, stderr } = await run("ffprobe", args);
      return { times: seconds(stdout), complaints: stderr };
    },
  },
  {
    name: "ffmpeg",
    programs: ["ffmpeg"],
    async play(file) {
      const { code, stdout, stderr } = await run("ffmpeg", [
        ...["-nostdin", "-v", "warning", "-i", file, "-map", "0:v", "-fps_mode", "passthrough"],
        ...["-enc_time_base", "1:1000", "-f", "framecrc", "-"],
      ]);
      const frames = stdout.split("\n").filter((line) => /^0,/.test(line));
      const times = frames.map((line) => Number(line.split(",")[2]));
      return { times, complaints: withoutNotes(stderr) + (code === 0 ? "" : `exit code ${code}`) };
    },
  },
  {
    name: "mpv",
    programs: ["mpv"],
    async play(file, folder) {
      const list = `${folder}/frames.txt`;
      const { stdout, stderr } = await run("mpv", [
        ...["--no-config", "--no-audio", "--msg-level=all=warn", "--ovc=rawvideo"],
        ...["--of=framemd5", `--o=${list}`, file],
      ]);
      const lines = (await Deno.readTextFile(list)).split("\n");
      const base = /^#tb 0: (\d+)\/(\d+)$/m.exec(lines.join("\n"))!;
      const unit = 1000 * Number(base[1]) / Number(base[2]);
      const frames = lines.filter((line) => /^0,/.test(line));
      const times = frames.map((line) => Number(line.split(",")[2]) * unit);
      return { times, complaints: stdout + stderr };
    },
  },
  {
    name: "VLC",
    programs: ["vlc", "setpriv", "ffprobe"],
    // Its stream output writes a frame when the next one has arrived.
    leavesOut: 1,
    async play(file, folder) {
      const copy = `${folder}/copy.mkv`;
      const output = `#std{access=file,mux=mkv,dst=${copy}}`;
      const [program, ...args] = asUser([
        ...["vlc", "-I", "dummy", "--no-sout-audio", "--sout", output, file, "vlc://quit"],
      ]);
      const { stderr } = await run(program!, args, { env: { HOME: folder } });
      const packets = ["-show_entries", "packet=pts_time", "-of", "csv=p=0", copy];
      const { stdout } = await run("ffprobe", ["-v", "error", ...packets]);
      const complaints = stderr.split("\n").filter((line) => /mkv|demux error/.test(line));
      return { times: seconds(stdout), complaints: complaints.join("\n") };
    },
  },
  {
    name: "OpenCV",
    // Without the module, the name of its package: it is no program.
    programs: [hasOpenCv() ? PYTHON : "python3-opencv"],
    async play(file) {
      const { stdout, stderr } = await run(PYTHON, ["-c", OPENCV, file]);
      return { times: stdout.split("\n").filter(Boolean).map(Number), complaints: stderr };
    },
  },
  {
    name: "GStreamer",
    programs: ["gst-launch-1.0"],
    async play(file) {
      const { stdout, stderr } = await run("gst-launch-1.0", [
        ...["-v", "filesrc", `location=${file}`, "!", "matroskademux", "!", "jpegdec", "!"],
        ...["identity", "silent=false", "!", "fakesink", "sync=false"],
      ]);
      const times = [...stdout.matchAll(/pts: (\d+):(\d+):([\d.]+)/g)]
        .map(([, h, m, s]) => (Number(h) * 3600 + Number(m) * 60 + Number(s)) * 1000);
      return { times, complaints: stderr };
    },
  },
  {
    name: "mkvmerge",
    programs: ["mkvmerge", "mkvextract"],
    async play(file, folder) {
      const copy = `${folder}/merged.mkv`;
      const list = `${folder}/times.txt`;
      const merged = await run("mkvmerge", ["-q", "-o", copy, file]);
      const complaints = merged.stdout + merged.stderr;
      await run("mkvextract", ["-q", copy, "timestamps_v2", `0:${list}`]);
      // Between a heading and the end of the last frame.
      const lines = (await Deno.readTextFile(list)).trim().split("\n").slice(1, -1);
      return { times: lines.map(Number), complaints };
    },
  },
];

/** Removes the line that ffmpeg 5 prints for every file with PCM, including files that it made. */
export function withoutNotes(stderr: string): string {
  return stderr.replace(/^Guessed Channel Layout for Input Stream #0.1 : mono\n/m, "");
}

/** Reads lines with times in seconds; returns milliseconds. */
function seconds(text: string): number[] {
  return text.split("\n").filter(Boolean).map((line) => parseFloat(line) * 1000);
}

function hasOpenCv(): boolean {
  try {
    return Deno.statSync(CV2).isFile;
  } catch {
    return false;
  }
}
