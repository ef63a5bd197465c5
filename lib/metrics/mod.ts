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

/** State of a camera's recordings. */
export interface RecordingStats {
  readonly camera: string;
  readonly state: RecordingState;
  /** Frames written since the start of the server. */
  readonly frames: number;
  /** Frames that could not be written. */
  readonly dropped: number;
  /** Size of the recordings on disk, in bytes. */
  readonly bytes: number;
  /** Time of the oldest frame, in milliseconds since the Unix epoch. */
  readonly oldest: number | undefined;
}

type RecordingState = "recording" | "waiting" | "paused" | "off";

/** State of a camera's sound. */
export interface SoundStats {
  readonly camera: string;
  readonly state: CameraState;
  readonly listeners: number;
  /** Packets from the microphone since the start of the server. */
  readonly packets: number;
  /** Failures of the microphone. */
  readonly failures: number;
  /** Packets that listeners were too slow to receive. */
  readonly dropped: number;
}

/** State and counters of a camera's renditions. */
export interface CameraRenditionStats {
  readonly camera: string;
  /** Renditions that run or have viewers. */
  readonly renditions: readonly { readonly viewers: number }[];
  /** What all renditions have done since the start of the server. */
  readonly totals: {
    readonly frames: number;
    readonly dropped: number;
    readonly refused: number;
  };
}

/** State of the NATS hub, and of the cameras that it carries. */
export interface NatsStats {
  readonly connected: boolean;
  readonly published: readonly PublishedStats[];
  readonly links: readonly LinkStats[];
}

/** Counters of a published camera. */
export interface PublishedStats {
  readonly camera: string;
  /** Edges that watch now. */
  readonly edges: number;
  readonly frames: number;
  readonly bytes: number;
  /** Frames that were larger than the hub's `max_payload`. */
  readonly tooLarge: number;
}

/** Counters of a camera that comes from the hub. */
export interface LinkStats {
  readonly camera: string;
  /** Lanes that are open. */
  readonly lanes: number;
  readonly frames: number;
  readonly bytes: number;
  /** Frames that were dropped because they came too late. */
  readonly late: number;
}

/** What the metrics are computed from. */
export interface Stats {
  readonly cameras: readonly CameraStats[];
  readonly server: ServerStats;
  /** Empty if the server does not record. @default {[]} */
  readonly recordings?: readonly RecordingStats[];
  /** Empty if no camera has sound. @default {[]} */
  readonly sounds?: readonly SoundStats[];
  /** Undefined without a NATS hub. */
  readonly hub?: NatsStats;
  /** @default {[]} */
  readonly renditions?: readonly CameraRenditionStats[];
}

/** A family of metrics. */
interface Metric {
  readonly name: string;
  readonly type: "gauge" | "counter" | "histogram";
  readonly help: string;
  samples(stats: Stats): Sample[];
}

/** A value of a metric. */
interface Sample {
  readonly suffix: string;
  readonly labels: Record<string, string>;
  readonly value: number;
}

const STATES: readonly CameraState[] = ["off", "starting", "streaming", "failed"];
const RECORDING_STATES: readonly RecordingState[] = ["off", "waiting", "recording", "paused"];

/** All metrics, in the order of the output. */
const METRICS: readonly Metric[] = [
  {
    name: "dinocam_info",
    type: "gauge",
    help: "The server's version.",
    samples: ({ server }) => [sample(1, { version: server.version })],
  },
  {
    name: "dinocam_viewers",
    type: "gauge",
    help: "Viewers and listeners of streams, and live players.",
    samples: ({ server }) => [sample(server.viewers)],
  },
  {
    name: "dinocam_camera_state",
    type: "gauge",
    help: "1 for the camera's current state, 0 for the others.",
    samples: ({ cameras }) => cameras.flatMap(({ name, state }) => states(STATES, name, state)),
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
    name: "dinocam_camera_refused_total",
    type: "counter",
    help: "Images from the camera that could not be turned, masked or given a text.",
    samples: perCamera(({ refused }) => refused),
  },
  {
    name: "dinocam_camera_edit_skipped_total",
    type: "counter",
    help: "Images from the camera that were dropped as turning them took too long.",
    samples: perCamera(({ editSkipped }) => editSkipped),
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
    samples: ({ cameras }) => cameras.flatMap(latencies),
  },
  {
    name: "dinocam_renditions",
    type: "gauge",
    help: "Sizes and qualities in which the camera's pictures are being made.",
    samples: perRendered(({ renditions }) => renditions.length),
  },
  {
    name: "dinocam_rendition_viewers",
    type: "gauge",
    help: "Viewers of the camera in another size or quality.",
    samples: perRendered(({ renditions }) =>
      renditions.reduce((sum, { viewers }) => sum + viewers, 0)
    ),
  },
  {
    name: "dinocam_rendition_frames_total",
    type: "counter",
    help: "Frames that were converted to another size or quality, once for all viewers.",
    samples: perRendered(({ totals }) => totals.frames),
  },
  {
    name: "dinocam_rendition_dropped_total",
    type: "counter",
    help: "Frames that were not converted, as newer ones came first.",
    samples: perRendered(({ totals }) => totals.dropped),
  },
  {
    name: "dinocam_rendition_refused_total",
    type: "counter",
    help: "Frames that could not be converted.",
    samples: perRendered(({ totals }) => totals.refused),
  },
  {
    name: "dinocam_recording_state",
    type: "gauge",
    help: "1 for the current state of the camera's recorder, 0 for the others.",
    samples: ({ recordings = [] }) =>
      recordings.flatMap(({ camera, state }) => states(RECORDING_STATES, camera, state)),
  },
  {
    name: "dinocam_recording_frames_total",
    type: "counter",
    help: "Frames that have been recorded.",
    samples: perRecording(({ frames }) => frames),
  },
  {
    name: "dinocam_recording_dropped_total",
    type: "counter",
    help: "Frames that could not be recorded.",
    samples: perRecording(({ dropped }) => dropped),
  },
  {
    name: "dinocam_recording_bytes",
    type: "gauge",
    help: "Size of the recordings on disk.",
    samples: perRecording(({ bytes }) => bytes),
  },
  {
    name: "dinocam_recording_oldest_seconds",
    type: "gauge",
    help: "Time of the oldest recorded frame since the Unix epoch.",
    samples: perRecording(({ oldest }) => oldest === undefined ? undefined : oldest / 1000),
  },
  {
    name: "dinocam_sound_state",
    type: "gauge",
    help: "1 for the current state of the camera's microphone, 0 for the others.",
    samples: ({ sounds = [] }) =>
      sounds.flatMap(({ camera, state }) => states(STATES, camera, state)),
  },
  {
    name: "dinocam_sound_listeners",
    type: "gauge",
    help: "Clients that receive the camera's sound.",
    samples: perSound(({ listeners }) => listeners),
  },
  {
    name: "dinocam_sound_packets_total",
    type: "counter",
    help: "Packets of 20 ms from the microphone.",
    samples: perSound(({ packets }) => packets),
  },
  {
    name: "dinocam_sound_failures_total",
    type: "counter",
    help: "Failures of the microphone.",
    samples: perSound(({ failures }) => failures),
  },
  {
    name: "dinocam_sound_dropped_packets_total",
    type: "counter",
    help: "Packets that listeners were too slow to receive.",
    samples: perSound(({ dropped }) => dropped),
  },
  {
    name: "dinocam_hub_connected",
    type: "gauge",
    help: "1 while there is a connection to the NATS hub, otherwise 0.",
    samples: ({ hub }) => hub ? [sample(hub.connected ? 1 : 0)] : [],
  },
  {
    name: "dinocam_published_edges",
    type: "gauge",
    help: "Edges that receive the camera from the NATS hub now.",
    samples: perPublished(({ edges }) => edges),
  },
  {
    name: "dinocam_published_frames_total",
    type: "counter",
    help: "Frames sent to the NATS hub: once for all edges, whenever one has room.",
    samples: perPublished(({ frames }) => frames),
  },
  {
    name: "dinocam_published_bytes_total",
    type: "counter",
    help: "Bytes of the frames sent to the NATS hub.",
    samples: perPublished(({ bytes }) => bytes),
  },
  {
    name: "dinocam_published_too_large_total",
    type: "counter",
    help: "Frames not sent, as they are larger than the max_payload of the NATS hub.",
    samples: perPublished(({ tooLarge }) => tooLarge),
  },
  {
    name: "dinocam_link_lanes",
    type: "gauge",
    help: "Maximum number of frames on their way from the NATS hub; 0 while nobody watches.",
    samples: perLink(({ lanes }) => lanes),
  },
  {
    name: "dinocam_link_frames_total",
    type: "counter",
    help: "Frames received from the NATS hub.",
    samples: perLink(({ frames }) => frames),
  },
  {
    name: "dinocam_link_bytes_total",
    type: "counter",
    help: "Bytes of the frames received from the NATS hub.",
    samples: perLink(({ bytes }) => bytes),
  },
  {
    name: "dinocam_link_late_total",
    type: "counter",
    help: "Frames from the NATS hub that were dropped because they came too late.",
    samples: perLink(({ late }) => late),
  },
  {
    name: "process_resident_memory_bytes",
    type: "gauge",
    help: "Resident memory of the server.",
    samples: ({ server }) => [sample(server.memory)],
  },
  {
    name: "process_start_time_seconds",
    type: "gauge",
    help: "Start time of the server since the Unix epoch.",
    samples: ({ server }) => [sample(server.startedAt / 1000)],
  },
];

/**
 * Writes the state of the cameras, the server, the recordings, the sound, the NATS hub and the
 * renditions in Prometheus' text format. Leaves out metrics without a value.
 */
export function expose(stats: Stats): string {
  const lines: string[] = [];
  for (const { name, type, help, samples } of METRICS) {
    const values = samples(stats);
    if (values.length === 0) continue;
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const { suffix, labels, value } of values) {
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
  return ({ cameras }) => cameras.map((camera) => sample(value(camera), { camera: camera.name }));
}

/** Creates a function that returns one sample per camera that can have renditions. */
function perRendered(value: (camera: CameraRenditionStats) => number): Metric["samples"] {
  return ({ renditions = [] }) =>
    renditions.map((camera) => sample(value(camera), { camera: camera.camera }));
}

/** Creates a function that returns one sample per recording with a value. */
function perRecording(value: (recording: RecordingStats) => number | undefined): Metric["samples"] {
  return ({ recordings = [] }) =>
    recordings.flatMap((recording) => {
      const number = value(recording);
      return number === undefined ? [] : sample(number, { camera: recording.camera });
    });
}

/** Creates a function that returns one sample per camera with sound. */
function perSound(value: (sound: SoundStats) => number): Metric["samples"] {
  return ({ sounds = [] }) => sounds.map((sound) => sample(value(sound), { camera: sound.camera }));
}

/** Creates a function that returns one sample per published camera. */
function perPublished(value: (published: PublishedStats) => number): Metric["samples"] {
  return ({ hub }) =>
    hub?.published.map((published) => sample(value(published), { camera: published.camera })) ?? [];
}

/** Creates a function that returns one sample per camera from the NATS hub. */
function perLink(value: (link: LinkStats) => number): Metric["samples"] {
  return ({ hub }) => hub?.links.map((link) => sample(value(link), { camera: link.camera })) ?? [];
}

/** Returns a sample for each possible state: 1 for the current one. */
function states(all: readonly string[], camera: string, current: string): Sample[] {
  return all.map((state) => sample(state === current ? 1 : 0, { camera, state }));
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
