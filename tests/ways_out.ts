import { assertEquals } from "@std/assert";
import type { Jpeg } from "../lib/frame.ts";
import { splitJpegs } from "../lib/jpeg/split.ts";
import { PROTOCOL_VERSION } from "../lib/live/mod.ts";
import { settlesWithin } from "../lib/clock.ts";

/** A way in which pictures of a camera leave the server. */
export interface WayOut {
  readonly name: string;
  /** Whether the pictures are encoded anew on this way. @default {false} */
  readonly isLossy?: boolean;
  /** Whether the pictures have another size or quality. @default {false} */
  readonly isRendition?: boolean;
  /** Receives some pictures. */
  get(server: string, camera: string): Promise<Jpeg[]>;
}

/** Number of pictures of a stream that are looked at. */
const COUNT = 4;
/** Time limit for the pictures of one way, in milliseconds. */
const TIMEOUT = 20_000;

/** All ways on which live pictures leave the server. */
export const LIVE_WAYS: readonly WayOut[] = [
  fetching("the stream", "video_feed"),
  fetching("a snapshot", "snapshot.jpg"),
  fetching("a recent snapshot", "snapshot.jpg?max_age=60000"),
  fetching("the stream at 5 fps", "video_feed?fps=5"),
  fetching("the live Matroska file", "av.mkv"),
  { name: "the live socket", get: (server, camera) => fromSocket(server, camera) },
];

/** The ways on which live pictures leave it in other sizes and qualities. */
export const RENDITION_WAYS: readonly WayOut[] = [
  fetching("a smaller stream", "video_feed?height=120"),
  fetching("a stream of low quality", "video_feed?quality=low"),
  fetching("a smaller snapshot", "snapshot.jpg?height=90&quality=medium"),
  fetching("a recent smaller snapshot", "snapshot.jpg?height=120&max_age=60000"),
  fetching("a smaller live Matroska file", "av.mkv?height=90"),
  {
    name: "the live socket in another size",
    get: (server: string, camera: string) => fromSocket(server, camera, { height: 120 }),
  },
].map((way) => ({ ...way, isRendition: true }));

/** Those of the first camera, which need no name. */
export const FIRST_CAMERA_WAYS: readonly WayOut[] = [
  "video_feed",
  "stream",
  "?action=stream",
  "snapshot",
  "snapshot.jpg",
  "?action=snapshot",
  "av.mkv",
].map((path) => ({ name: `/${path}`, get: (server) => jpegsAt(`${server}/${path}`) }));

/** The ways on which recorded pictures leave it. Some seconds must be recorded. */
export const RECORDED_WAYS: readonly WayOut[] = [
  recorded("a recorded snapshot", (end) => `snapshot.jpg?at=${end}`),
  recorded("the playback stream", (end) => `video_feed?at=${end - 3}`),
  recorded("the playback stream, backwards", (end) => `video_feed?at=${end}&speed=-1`),
  recorded("a clip as MJPEG", (end) => `clip.mjpeg?from=${end - 3}&to=${end}`),
  recorded("a clip as Matroska", (end) => `clip.mkv?from=${end - 3}&to=${end}`),
  {
    name: "a replay on the live socket",
    get: async (server, camera) => {
      const at = 1000 * (await endOf(server, camera) - 3);
      return await fromSocket(server, camera, {
        replay: { type: "replay", at, speed: 1, id: 1 },
      });
    },
  },
  { ...clipAsMp4(), isLossy: true },
  ...[
    recorded("a smaller recorded snapshot", (end) => `snapshot.jpg?at=${end}&height=120`),
    recorded("a smaller playback stream", (end) => `video_feed?at=${end - 3}&height=120`),
    recorded("a smaller clip", (end) => `clip.mkv?from=${end - 3}&to=${end}&height=90`),
    recorded("a clip of low quality", (end) => `clip.mjpeg?from=${end - 3}&to=${end}&quality=low`),
  ].map((way) => ({ ...way, isRendition: true })),
];

/** Receives some JPEGs of a response, whatever is around them. */
export async function jpegsAt(address: string, count = COUNT): Promise<Jpeg[]> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error(`Timeout: ${address}`)), TIMEOUT);
  try {
    const response = await fetch(address, { signal: controller.signal });
    const jpegs: Jpeg[] = [];
    for await (const jpeg of splitJpegs(response.body!)) {
      jpegs.push(jpeg);
      if (jpegs.length === count) break;
    }
    assertEquals(response.status, 200, `${address}: ${response.status}`);
    return jpegs;
  } finally {
    clearTimeout(timer);
  }
}

/** A way for one camera: a path behind its name. */
function fetching(name: string, path: string): WayOut {
  return { name, get: (server, camera) => jpegsAt(`${server}/cameras/${camera}/${path}`) };
}

/** A way for the recording of one camera. @param path The path at the end of the recording. */
function recorded(name: string, path: (end: number) => string): WayOut {
  return {
    name,
    get: async (server, camera) =>
      await jpegsAt(`${server}/cameras/${camera}/${path(await endOf(server, camera))}`),
  };
}

/** Returns the time of the last recorded picture, in seconds since the Unix epoch. */
async function endOf(server: string, camera: string): Promise<number> {
  const cameras = await (await fetch(`${server}/cameras`)).json();
  const { recording } = cameras.find(({ name }: { name: string }) => name === camera);
  return recording.newest / 1000;
}

/** Receives pictures as the page does. @param replay A message that starts a replay. */
async function fromSocket(
  server: string,
  camera: string,
  { replay, height }: { replay?: object; height?: number } = {},
): Promise<Jpeg[]> {
  const jpegs: Jpeg[] = [];
  const query = replay ? "watch=" : `watch=${camera}&heights=${height ?? ""}`;
  const socket = new WebSocket(
    `${server.replace("http", "ws")}/live?version=${PROTOCOL_VERSION}&${query}`,
  );
  socket.binaryType = "arraybuffer";
  const closed = new Promise((resolve) => socket.onclose = resolve);
  const received = new Promise<void>((resolve, reject) => {
    socket.onopen = () => {
      if (replay) socket.send(JSON.stringify({ ...replay, cameras: [camera] }));
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") return;
      const view = new DataView(data);
      const [kind, index, sequence] = [view.getUint8(0), view.getUint16(2), view.getUint32(4)];
      if (kind !== (replay ? 2 : 1)) return;
      jpegs.push(new Uint8Array(data.slice(16)));
      const recorded = Boolean(replay);
      socket.send(JSON.stringify({ type: "painted", camera: index, sequence, recorded }));
      if (jpegs.length === COUNT) resolve();
    };
    socket.onerror = () => reject(new Error(`No connection to ${server}`));
  });
  try {
    if (!await settlesWithin(received, TIMEOUT)) throw new Error("No pictures on the live socket");
    await received;
  } finally {
    socket.close();
    await closed;
  }
  return jpegs;
}

/** A clip as MP4, whose pictures are made JPEGs again. */
function clipAsMp4(): WayOut {
  return {
    name: "a clip as MP4",
    async get(server, camera) {
      const end = await endOf(server, camera);
      const address = `${server}/cameras/${camera}/clip.mp4?from=${end - 2}&to=${end}`;
      const { stdout } = await new Deno.Command("ffmpeg", {
        args: ["-v", "error", "-i", address, "-vsync", "0", "-q:v", "1", "-f", "mjpeg", "-"],
        stdin: "null",
        stderr: "null",
      }).output();
      return await Array.fromAsync(splitJpegs(ReadableStream.from([stdout])));
    },
  };
}
