import type { Load, Result } from "./run.ts";

/** A load, and the rows of the table that it gives. */
export interface Measurement {
  readonly name: string;
  readonly load: Load;
  /** Measures in one round only: the runs are long and their figures stable. */
  readonly once?: boolean;
  readonly rows: readonly Row[];
}

/** A row of the table. */
export interface Row {
  readonly name: string;
  /**
   * Calculates the figure.
   *
   * @param alone The result of the same server with the 10 viewers alone.
   */
  of(result: Result, alone: Result | undefined): number;
  readonly digits: number;
  /** Printed without a ratio: the figure should be the same for all servers. */
  readonly plain?: boolean;
}

const fps: Row = { name: "fps, median viewer", of: (r) => r.fps_med, digits: 1, plain: true };
const cpu: Row = { name: "CPU, % of a core", of: (r) => r.cpu, digits: 1 };
const perFrame: Row = {
  name: "CPU per frame and viewer, µs",
  of: (r) => r.perFrame * 1000,
  digits: 0,
};
const p50: Row = { name: "latency p50, ms", of: (r) => r.lat_p50_ms, digits: 1 };
const p99: Row = { name: "latency p99, ms", of: (r) => r.lat_p99_ms, digits: 1 };
const memory: Row = {
  name: "memory of the process tree, MB",
  of: (r) => r.memory / 1e6,
  digits: 0,
};
const anonymous: Row = {
  name: "of it not backed by files, MB",
  of: (r) => r.anonymous / 1e6,
  digits: 0,
};
const age: Row = { name: "age of a frame, median, ms", of: (r) => r.slow_lat_p50_ms, digits: 0 };
const oldest: Row = {
  name: "age of a frame, maximum, ms",
  of: (r) => r.slow_lat_max_ms,
  digits: 0,
};

const STALLED = 50;
const stalledRows: Row[] = [
  {
    name: "process memory per stalled viewer, KB",
    of: (r, alone) => alone ? (r.memory - alone.memory) / STALLED / 1000 : NaN,
    digits: 0,
  },
  { name: "kernel memory per stalled viewer, KB", of: (r) => r.queued / STALLED / 1000, digits: 0 },
  {
    name: "stale frames per stalled viewer after it resumes",
    of: (r) => r.resumed_stale_frames / STALLED,
    digits: 1,
  },
];

/** The measurement that {@link Row.of} gets as `alone`. */
export const ALONE = "10 viewers, 720p30";

/** Returns all measurements, of `seconds` each unless the load needs another duration. */
export function measurements(seconds: number): Measurement[] {
  const hd = { height: 720, fps: 30, seconds } as const;
  const slow = { ...hd, viewers: 1, slow: 1, warmup: 10, seconds: 6 };
  return [
    { name: "no viewer", load: { ...hd, viewers: 0 }, once: true, rows: [cpu] },
    {
      name: "1 viewer, 720p30",
      load: { ...hd, viewers: 1 },
      rows: [fps, cpu, perFrame, p50, p99, memory, anonymous],
    },
    {
      name: ALONE,
      load: { ...hd, viewers: 10 },
      rows: [fps, cpu, perFrame, p50, p99, memory, anonymous],
    },
    {
      name: "50 viewers, 720p30",
      load: { ...hd, viewers: 50 },
      rows: [fps, cpu, perFrame, p50, p99],
    },
    {
      name: "200 viewers, 720p30",
      load: { ...hd, viewers: 200 },
      rows: [fps, cpu, perFrame, p50, p99, memory, anonymous],
    },
    {
      name: "16 cameras, 720p15, a viewer each",
      load: { ...hd, fps: 15, viewers: 16, cameras: 16 },
      rows: [fps, cpu, perFrame, p50, p99, memory, anonymous],
    },
    {
      name: "50 viewers, 1080p30",
      load: { ...hd, height: 1080, viewers: 50 },
      rows: [fps, cpu, perFrame, p99],
    },
    {
      name: "10 viewers, 720p15",
      load: { ...hd, fps: 15, viewers: 10 },
      once: true,
      rows: [p50, p99],
    },
    { name: "a link of 500 KB/s", load: { ...slow, rate: 500 }, once: true, rows: [age, oldest] },
    { name: "a link of 1500 KB/s", load: { ...slow, rate: 1500 }, once: true, rows: [age, oldest] },
    {
      name: "1 viewer beside a slow and a stalled one",
      load: { ...hd, viewers: 3, slow: 1, rate: 500, stalled: 1 },
      once: true,
      rows: [fps, p99],
    },
    {
      name: `10 viewers beside ${STALLED} stalled ones`,
      load: { ...hd, viewers: 10 + STALLED, stalled: STALLED, resume: 8, warmup: 1, seconds: 10 },
      once: true,
      rows: [fps, p99, ...stalledRows],
    },
    {
      name: "1000 viewers, 480p10",
      load: { height: 480, fps: 10, viewers: 1000, seconds, headsOnly: true },
      rows: [
        fps,
        {
          name: "dropped frames, per 1000",
          of: (r) => r.skipped / (r.frames + r.skipped) * 1000,
          digits: 1,
          plain: true,
        },
        cpu,
        p99,
      ],
    },
  ];
}
