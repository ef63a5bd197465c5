import type { Load, Result } from "./run.ts";

/** Runs with one load, and what is told of them. */
export interface Measurement {
  readonly name: string;
  readonly load: Load;
  /** One round will do: the runs are long and their figures steady. */
  readonly once?: boolean;
  readonly rows: readonly Row[];
}

/** A figure that is told. */
export interface Row {
  readonly name: string;
  /** @param alone The result of the same server with the 10 viewers alone. */
  of(result: Result, alone: Result | undefined): number;
  readonly digits: number;
  /** Told without a ratio: what everybody should have. */
  readonly plain?: boolean;
}

const fps: Row = { name: "fps, median viewer", of: (r) => r.fps_med, digits: 1, plain: true };
const cpu: Row = { name: "CPU, % of a core", of: (r) => r.cpu, digits: 1 };
const perFrame: Row = {
  name: "CPU for a frame to a viewer, µs",
  of: (r) => r.perFrame * 1000,
  digits: 0,
};
const p50: Row = { name: "latency p50, ms", of: (r) => r.lat_p50_ms, digits: 1 };
const p99: Row = { name: "latency p99, ms", of: (r) => r.lat_p99_ms, digits: 1 };
const memory: Row = { name: "memory, MB", of: (r) => r.memory / 1e6, digits: 0 };
const age: Row = { name: "age of a frame, median, ms", of: (r) => r.slow_lat_p50_ms, digits: 0 };
const oldest: Row = { name: "age, oldest, ms", of: (r) => r.slow_lat_max_ms, digits: 0 };

const STALLED = 50;
const stalledRows: Row[] = [
  {
    name: "memory of the server for each, KB",
    of: (r, alone) => alone ? (r.memory - alone.memory) / STALLED / 1000 : NaN,
    digits: 0,
  },
  { name: "memory of the kernel for each, KB", of: (r) => r.queued / STALLED / 1000, digits: 0 },
  {
    name: "old frames when they read again, each",
    of: (r) => r.resumed_stale_frames / STALLED,
    digits: 1,
  },
];

/** The measurement that others are compared with: a row's `alone`. */
export const ALONE = "10 viewers, 720p30";

/**
 * How long a server runs before it is measured, in seconds: one that is compiled while it runs, as ours is,
 * uses twice the CPU time in its first seconds. It will serve for days.
 */
const WARMUP = 15;

/** All of them, each of `seconds` where its load does not need another time. */
export function measurements(seconds: number): Measurement[] {
  const hd = { height: 720, fps: 30, warmup: WARMUP, seconds } as const;
  const slow = { ...hd, viewers: 1, slow: 1, warmup: 10, seconds: 6 };
  return [
    { name: "nobody watches", load: { ...hd, viewers: 0 }, once: true, rows: [cpu] },
    { name: ALONE, load: { ...hd, viewers: 10 }, rows: [fps, cpu, perFrame, p50, p99, memory] },
    {
      name: "50 viewers, 720p30",
      load: { ...hd, viewers: 50 },
      rows: [fps, cpu, perFrame, p50, p99],
    },
    {
      name: "200 viewers, 720p30",
      load: { ...hd, viewers: 200 },
      rows: [fps, cpu, perFrame, p50, p99, memory],
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
    { name: "1 viewer", load: { ...hd, viewers: 1 }, once: true, rows: [fps, p99] },
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
      load: { height: 480, fps: 10, viewers: 1000, seconds, warmup: WARMUP, headsOnly: true },
      rows: [
        fps,
        {
          name: "frames lost, of 1000",
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
