/** The programs and frames of the load benchmark, built from the C sources in this folder. */
export interface Tools {
  /** The load client. */
  readonly client: string;
  /** The load client of the live protocol. */
  readonly liveClient: string;
  /** The minimal C server that only sends. */
  readonly floor: string;
  /** The library that provides a V4L2 camera, for `LD_PRELOAD`. */
  readonly v4l2: string;
  /** Folder with the stand-in camera program, named like the Raspberry Pi's. */
  readonly path: string;
  /** Folder with the frames: `<height>.mjpeg`. */
  readonly frames: string;
  /** The same with small frames, of the height 720 only. */
  readonly smallFrames: string;
}

const SOURCES = new URL(".", import.meta.url).pathname;

/**
 * Frame sizes, with quality and noise so that a frame has as many bytes as a real camera's: 36,
 * 114, 272 KB. And small frames of 25 KB.
 */
const FRAMES = [
  { file: "480", size: "640x480", quality: 6, noise: 9 },
  { file: "720", size: "1280x720", quality: 6, noise: 10 },
  { file: "1080", size: "1920x1080", quality: 5, noise: 9 },
  { file: "small/720", size: "1280x720", quality: 31, noise: 0 },
];

/**
 * Compiles programs that are missing or outdated, and generates the frames with ffmpeg, 60 of each
 * size.
 */
export async function makeTools(folder: string): Promise<Tools> {
  const path = `${folder}/path`;
  const frames = `${folder}/frames`;
  const smallFrames = `${frames}/small`;
  for (const needed of [path, smallFrames]) await Deno.mkdir(needed, { recursive: true });
  const flags = ["-O2", "-Wall", "-Wextra"];
  const shared = ["-shared", "-fPIC", "-ldl", "-lpthread"];
  const compile = async (source: string, target: string, ...more: string[]) => {
    const from = `${SOURCES}${source}`;
    const [built, ...sources] = await Promise.all(
      [target, from, `${SOURCES}frames.h`].map(changedAt),
    );
    if (built! < Math.max(...sources)) await run("cc", [...flags, "-o", target, from, ...more]);
    return target;
  };
  await compile("fakecam.c", `${path}/rpicam-vid`);
  for (const frame of FRAMES) await draw(frame, `${frames}/${frame.file}.mjpeg`);
  return {
    client: await compile("mjpegload.c", `${folder}/mjpegload`),
    liveClient: await compile("liveload.c", `${folder}/liveload`),
    floor: await compile("floor.c", `${folder}/floor`),
    v4l2: await compile("fakev4l2.c", `${folder}/fakev4l2.so`, ...shared),
    path,
    frames,
    smallFrames,
  };
}

async function draw({ size, quality, noise }: typeof FRAMES[number], target: string) {
  if (await changedAt(target) > 0) return;
  const picture = ["-f", "lavfi", "-i", `testsrc2=size=${size}:rate=30`];
  const filter = ["-vf", `noise=alls=${noise}:allf=t,format=yuvj420p`];
  const codec = ["-c:v", "mjpeg", "-huffman", "default", "-q:v", `${quality}`];
  const output = ["-frames:v", "60", "-f", "mjpeg", `${target}.new`];
  await run("ffmpeg", ["-v", "error", "-y", ...picture, ...filter, ...codec, ...output]);
  await Deno.rename(`${target}.new`, target);
}

/**
 * Returns the modification time of a file, in milliseconds since the Unix epoch; 0 if it does not
 * exist.
 */
async function changedAt(file: string): Promise<number> {
  return (await Deno.stat(file).catch(() => null))?.mtime?.getTime() ?? 0;
}

async function run(program: string, args: string[]): Promise<void> {
  const { success } = await new Deno.Command(program, { args, stdin: "null" }).spawn().status;
  if (!success) throw new Error(`Cannot build the benchmark: ${program} ${args.join(" ")} failed`);
}
