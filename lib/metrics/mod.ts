import type { CameraState, CameraStats } from "../camera/stats.ts";
import { LATENCY_BUCKETS } from "../camera/delivery_stats.ts";

/** The `Content-Type` of {@link expose}. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** State of the server itself. */
export interface ServerStats {
  readonly version: string;
  /** Start time in milliseconds since the Unix epoch. */
  readonly startedAt: number;
  /** Resident memory in bytes. */
  readonly memory: number;
  /** Number of viewers of all cameras. */
  readonly viewers: number;
}

/** A family of metrics. */
interface Metric {
  readonly name: string;
  readonly type: "gauge" | "counter" | "histogram";
  readonly help: string;
  samples(cameras: readonly CameraStats[], server: ServerStats): Sample[];
}

/** A value of a metric. */
interface Sample {
  readonly suffix: string;
  readonly labels: Record<string, string>;
  readonly value: number;
}

const STATES: readonly CameraState[] = ["off", "starting", "streaming", "failed"];

/** All metrics, in the order of the output. */
const METRICS: readonly Metric[] = [
  {
    name: "dinocam_info",
    type: "gauge",
    help: "The server's version.",
    samples: (_, { version }) => [sample(1, { version })],
  },
  {
    name: "dinocam_viewers",
    type: "gauge",
    help: "Viewers of streams and live players.",
    samples: (_, { viewers }) => [sample(viewers)],
  },
  {
    name: "dinocam_camera_state",
    type: "gauge",
    help: "1 for the camera's current state, 0 for the others.",
    samples: (cameras) => cameras.flatMap(states),
  },
  {
    name: "dinocam_camera_subscribers",
    type: "gauge",
    help: "Viewers of the camera, and snapshots that are being taken.",
    samples: perCamera(({ viewers }) => viewers),
  },
  {
    name: "dinocam_camera_background_subscribers",
    type: "gauge",
    help: "Modules of the server that receive the camera's frames, such as a recorder.",
    samples: perCamera(({ backgroundSubscribers }) => backgroundSubscribers),
  },
  {
    name: "dinocam_camera_frames_per_second",
    type: "gauge",
    help: "Frames per second from the camera, measured.",
    samples: perCamera(({ fps }) => fps),
  },
  {
    name: "dinocam_camera_frames_total",
    type: "counter",
    help: "Frames from the camera.",
    samples: perCamera(({ frames }) => frames),
  },
  {
    name: "dinocam_camera_broken_total",
    type: "counter",
    help: "Images from the camera that were dropped as corrupt, truncated or too large.",
    samples: perCamera(({ broken }) => broken),
  },
  {
    name: "dinocam_camera_failures_total",
    type: "counter",
    help: "Failures of the camera.",
    samples: perCamera(({ failures }) => failures),
  },
  {
    name: "dinocam_sent_frames_total",
    type: "counter",
    help: "Frames that viewers have received, counted for each viewer.",
    samples: perCamera(({ sent }) => sent.frames),
  },
  {
    name: "dinocam_sent_bytes_total",
    type: "counter",
    help: "Bytes of the frames that viewers have received.",
    samples: perCamera(({ sent }) => sent.bytes),
  },
  {
    name: "dinocam_dropped_frames_total",
    type: "counter",
    help: "Frames that viewers were too slow to receive.",
    samples: perCamera(({ dropped }) => dropped),
  },
  {
    name: "dinocam_background_dropped_frames_total",
    type: "counter",
    help: "Frames that background subscribers were too slow to receive.",
    samples: perCamera(({ backgroundDropped }) => backgroundDropped),
  },
  {
    name: "dinocam_latency_seconds",
    type: "histogram",
    help: "Time from a frame's capture until a viewer has received it.",
    samples: (cameras) => cameras.flatMap(latencies),
  },
  {
    name: "process_resident_memory_bytes",
    type: "gauge",
    help: "Resident memory of the server.",
    samples: (_, { memory }) => [sample(memory)],
  },
  {
    name: "process_start_time_seconds",
    type: "gauge",
    help: "Start time of the server since the Unix epoch.",
    samples: (_, { startedAt }) => [sample(startedAt / 1000)],
  },
];

/** Writes the state of the cameras and the server in Prometheus' text format. */
export function expose(cameras: readonly CameraStats[], server: ServerStats): string {
  const lines: string[] = [];
  for (const { name, type, help, samples } of METRICS) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const { suffix, labels, value } of samples(cameras, server)) {
      lines.push(`${name}${suffix}${formatLabels(labels)} ${value}`);
    }
  }
  return lines.join("\n") + "\n";
}

function sample(value: number, labels: Record<string, string> = {}, suffix = ""): Sample {
  return { suffix, labels, value };
}

/** Creates a function that returns one sample per camera. */
function perCamera(value: (camera: CameraStats) => number): Metric["samples"] {
  return (cameras) => cameras.map((camera) => sample(value(camera), { camera: camera.name }));
}

function states({ name, state }: CameraStats): Sample[] {
  return STATES.map((label) => sample(label === state ? 1 : 0, { camera: name, state: label }));
}

/** Returns the samples of a histogram, in which each bucket includes the smaller ones. */
function latencies({ name, sent }: CameraStats): Sample[] {
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

function formatLabels(labels: Record<string, string>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escape(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escape(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
