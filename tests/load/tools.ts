/** The programs and frames of the load benchmark, made from the C sources beside this file. */
export interface Tools {
  /** The load client. */
  readonly client: string;
  /** The C server that only sends. */
  readonly floor: string;
  /** The library that offers a V4L2 camera, for `LD_PRELOAD`. */
  readonly v4l2: string;
  /** A folder with the camera program under the name of the Pi's. */
  readonly path: string;
  /** The frames: `<height>.mjpeg`. */
  readonly frames: string;
}

const SOURCES = new URL(".", import.meta.url).pathname;

/** Sizes of frames, with quality and noise for the weight of a real camera's: 36, 114 and 272 KB. */
const FRAMES = [
  { height: 480, size: "640x480", quality: 6, noise: 9 },
  { height: 720, size: "1280x720", quality: 6, noise: 10 },
  { height: 1080, size: "1920x1080", quality: 5, noise: 9 },
];

/** Compiles what is missing or older than its source, and has ffmpeg draw the frames, 60 of each size. */
export async function makeTools(folder: string): Promise<Tools> {
  const path = `${folder}/path`;
  const frames = `${folder}/frames`;
  for (const needed of [path, frames]) await Deno.mkdir(needed, { recursive: true });
  const flags = ["-O2", "-Wall", "-Wextra"];
  const shared = ["-shared", "-fPIC", "-ldl", "-lpthread"];
  const compile = async (source: string, target: string, ...more: string[]) => {
    const from = `${SOURCES}${source}`;
    const [made, ...sources] = await Promise.all(
      [target, from, `${SOURCES}frames.h`].map(changedAt),
    );
    if (made! < Math.max(...sources)) await run("cc", [...flags, "-o", target, from, ...more]);
    return target;
  };
  await compile("fakecam.c", `${path}/rpicam-vid`);
  for (const frame of FRAMES) await draw(frame, `${frames}/${frame.height}.mjpeg`);
  return {
    client: await compile("mjpegload.c", `${folder}/mjpegload`),
    floor: await compile("floor.c", `${folder}/floor`),
    v4l2: await compile("fakev4l2.c", `${folder}/fakev4l2.so`, ...shared),
    path,
    frames,
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

/** When a file was last changed, in milliseconds since the Unix epoch; 0 if there is none. */
async function changedAt(file: string): Promise<number> {
  return (await Deno.stat(file).catch(() => null))?.mtime?.getTime() ?? 0;
}

async function run(program: string, args: string[]): Promise<void> {
  const { success } = await new Deno.Command(program, { args, stdin: "null" }).spawn().status;
  if (!success) throw new Error(`Cannot make the tools: ${program} ${args.join(" ")} failed`);
}
