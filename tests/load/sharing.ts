import { systemClock } from "../../lib/clock.ts";
import {
  cameraSource,
  engines,
  type PixelsBenchOptions,
  PixelServer,
  WARMUP,
} from "./pixel_server.ts";
import { type Line, writeTable } from "./table.ts";

const VIEWERS = 9;
const PATH = "/video_feed?height=360";
/** Time after the last viewer has left, in seconds: 10 for the rendition, 5 for its Worker, and 1. */
const AFTERWARDS = 16;

/** What viewers of one rendition share, and what is left of it. */
interface Sharing {
  /** CPU time of the server per frame of the camera, in milliseconds: with one viewer, with nine. */
  readonly one: number;
  readonly nine: number;
  /** Pictures that were made for nine viewers, and frames of the camera in this time. */
  readonly renders: number;
  readonly frames: number;
  /** How long the rendition lasted after the last viewer had left, in seconds. */
  readonly lasted: number;
  /** Pictures made in 3 s after that. */
  readonly afterwards: number;
  /** Workers and resident bytes: with a viewer of the camera's own pictures, with nine, and afterwards. */
  readonly workers: readonly number[];
  readonly memory: readonly number[];
}

/**
 * Measures what nine viewers of a camera's smaller pictures cost beside one, and what is left when
 * they have gone, in one round: counts do not vary.
 *
 * @returns A table, as Markdown.
 */
export async function benchSharing(options: PixelsBenchOptions): Promise<string> {
  const results: Sharing[] = [];
  for (const [name, usesLibrary] of engines()) {
    const result = await measureSharing(options, usesLibrary);
    console.error(`sharing, ${name}: ${JSON.stringify(result)}`);
    results.push(result);
  }
  const row = (name: string, digits: number, of: (result: Sharing) => number): Line => ({
    ...{ name, digits, plain: true },
    figures: results.map(of),
  });
  const rows = [
    row("1 viewer: CPU per frame, ms", 2, ({ one }) => one),
    row(`${VIEWERS} viewers: CPU per frame, ms`, 2, ({ nine }) => nine),
    row(`${VIEWERS} viewers: frames of the camera`, 0, ({ frames }) => frames),
    row(`${VIEWERS} viewers: pictures made`, 0, ({ renders }) => renders),
    row("the rendition ends after, s", 1, ({ lasted }) => lasted),
    row("pictures made in 3 s afterwards", 0, ({ afterwards }) => afterwards),
    ...["a viewer of 720p", `${VIEWERS} viewers of 360p`, `${AFTERWARDS} s later`].flatMap(
      (name, i) => [
        row(`${name}: Workers`, 0, ({ workers }) => workers[i]!),
        row(`${name}: memory, MB`, 0, ({ memory }) => memory[i]! / 1e6),
      ],
    ),
  ];
  return `Viewers of 360p of one camera of 720p30:\n\n${
    writeTable(engines().map(([name]) => name), rows)
  }`;
}

async function measureSharing(
  { tools, cores, seconds }: PixelsBenchOptions,
  usesLibrary: boolean,
): Promise<Sharing> {
  await using server = await PixelServer.start({
    ...{ tools, core: cores?.server, clientCore: cores?.client, usesLibrary },
    env: { CAMERA: "front=exec", SOURCE: cameraSource(tools, 720) },
  });
  const workers: number[] = [], memory: number[] = [];
  const note = () => {
    workers.push(server.workers);
    memory.push(server.usage.memory);
  };
  await server.watch("/video_feed", { viewers: 1, warmup: 5, seconds: 1 });
  note();
  const counters = () => server.metrics("camera_frames_total", "rendition_frames_total");
  const { cpu: one } = await server.watch(PATH, { viewers: 1, warmup: WARMUP, seconds });
  const [before, watching] = [
    await counters(),
    server.watch(PATH, { viewers: VIEWERS, warmup: 3, seconds }),
  ];
  await systemClock.sleep((3 + seconds / 2) * 1000);
  note();
  const { cpu: nine } = await watching;
  const left = performance.now();
  const after = await counters();
  await server.hasNoRenditions();
  const lasted = (performance.now() - left) / 1000;
  const ended = await counters();
  await systemClock.sleep(3_000);
  const later = await counters();
  await systemClock.sleep(AFTERWARDS * 1000 - (performance.now() - left));
  note();
  return {
    one,
    nine,
    renders: after.rendition_frames_total - before.rendition_frames_total,
    frames: after.camera_frames_total - before.camera_frames_total,
    lasted,
    afterwards: later.rendition_frames_total - ended.rendition_frames_total,
    workers,
    memory,
  };
}
