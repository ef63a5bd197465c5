import type { CameraStats } from "../camera/stats.ts";
import { LATENCY_BUCKETS } from "../camera/delivery_stats.ts";

/** What `Content-Type` calls the text of {@link expose}. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** What is told of the server itself. */
export interface ServerStats {
  readonly version: string;
  /** When it started, in milliseconds since the Unix epoch. */
  readonly startedAt: number;
  /** What it has of the machine's memory, in bytes. */
  readonly memory: number;
  /** Viewers of all cameras. */
  readonly viewers: number;
}

/** Writes what cameras and the server know of themselves in Prometheus' text format. */
export function expose(cameras: readonly CameraStats[], server: ServerStats): string {
  const each = (value: (camera: CameraStats) => number) =>
    cameras.map((camera) => sample(value(camera), { camera: camera.name }));
  return [
    family("dinocam_info", "gauge", "The server's version.", [
      sample(1, { version: server.version }),
    ]),
    family("dinocam_viewers", "gauge", "Viewers of streams and live players.", [
      sample(server.viewers),
    ]),
    family(
      "dinocam_camera_state",
      "gauge",
      "1 for the state that the camera is in.",
      cameras.flatMap(({ name, state }) =>
        ["off", "starting", "streaming", "failed"].map((one) =>
          sample(one === state ? 1 : 0, { camera: name, state: one })
        )
      ),
    ),
    family(
      "dinocam_camera_subscribers",
      "gauge",
      "Who takes the camera's frames now: viewers, and snapshots while they are made.",
      each(({ viewers }) => viewers),
    ),
    family(
      "dinocam_camera_frames_per_second",
      "gauge",
      "Frames a second from the camera, measured.",
      each(({ fps }) => fps),
    ),
    family(
      "dinocam_camera_frames_total",
      "counter",
      "Frames from the camera.",
      each(({ frames }) => frames),
    ),
    family(
      "dinocam_camera_broken_total",
      "counter",
      "Images from the camera that were broken, cut short or too large, and so dropped.",
      each(({ broken }) => broken),
    ),
    family(
      "dinocam_camera_failures_total",
      "counter",
      "How often the camera failed, and was started again.",
      each(({ failures }) => failures),
    ),
    family(
      "dinocam_sent_frames_total",
      "counter",
      "Frames that viewers have taken, each counted for each viewer.",
      each(({ sent }) => sent.frames),
    ),
    family(
      "dinocam_sent_bytes_total",
      "counter",
      "Bytes of the frames that viewers have taken.",
      each(({ sent }) => sent.bytes),
    ),
    family(
      "dinocam_dropped_frames_total",
      "counter",
      "Frames that viewers were too slow to take.",
      each(({ dropped }) => dropped),
    ),
    family(
      "dinocam_latency_seconds",
      "histogram",
      "How old a frame is, since its capture, when a viewer has taken it.",
      cameras.flatMap(latency),
    ),
    family("process_resident_memory_bytes", "gauge", "Memory of the server.", [
      sample(server.memory),
    ]),
    family("process_start_time_seconds", "gauge", "When the server started.", [
      sample(server.startedAt / 1000),
    ]),
  ].flat().join("\n") + "\n";
}

/** One measured value, without its name. */
interface Sample {
  readonly suffix: string;
  readonly labels: Record<string, string>;
  readonly value: number;
}

function sample(value: number, labels: Record<string, string> = {}, suffix = ""): Sample {
  return { suffix, labels, value };
}

function latency({ name, sent }: CameraStats): Sample[] {
  let count = 0;
  const buckets = sent.buckets.map((frames, i) => {
    const end = LATENCY_BUCKETS[i];
    const le = end === undefined ? "+Inf" : `${end / 1000}`;
    return sample(count += frames, { camera: name, le }, "_bucket");
  });
  return [
    ...buckets,
    sample(sent.totalLatency / 1000, { camera: name }, "_sum"),
    sample(count, { camera: name }, "_count"),
  ];
}

function family(name: string, type: string, help: string, samples: readonly Sample[]): string[] {
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(({ suffix, labels, value }) => `${name}${suffix}${written(labels)} ${value}`),
  ];
}

function written(labels: Record<string, string>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escape(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escape(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
