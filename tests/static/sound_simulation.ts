import { SoundPlayer } from "../../static/sound_player.js";

/** Size of the loudspeaker's buffer, in frames: the context's clock moves in these steps. */
const BLOCK = 480;
/** Duration of a packet, in milliseconds. */
const PACKET = 20;

/** What goes wrong in a simulation. Times are in milliseconds, clock errors in parts per million. */
export interface Conditions {
  minutes: number;
  /** How fast the microphone's clock is. */
  sourcePpm?: number;
  /** How fast the loudspeaker's clock is. */
  outputPpm?: number;
  /** Maximum delay of a packet by the network; most are much faster. */
  jitter?: number;
  /** Delay of every packet. */
  transit?: number;
  /** The main thread stalls for this long every 30 s. */
  stall?: number;
  /** The loudspeaker stops once, at this time, for a while: by default 100 ms. */
  pauseAt?: number;
  pauseFor?: number;
  /** From the context to the loudspeaker, after the time. */
  latency?: (time: number) => number;
  /** What `heardAt` differs from the truth, at a time. */
  offset?: (time: number) => number;
  /** Age of the picture; the delay stays between 10 ms less and 60 ms more. */
  pictureAge?: (time: number) => number;
  /** Called for each packet, before it is pushed. */
  onPacket?: (player: SoundPlayer, index: number) => void;
  /** Packets that are lost. */
  isLost?: (index: number) => boolean;
}

/** A sound that was played. */
export interface Heard {
  /** When it was heard by the microphone, and at the loudspeaker. */
  readonly at: number;
  readonly heardAt: number;
  /** How late it was played, against the player's delay at that time. */
  readonly error: number;
}

/** Returns pseudo-random numbers from 0 to 1, always the same ones. */
function randomNumbers(): () => number {
  let seed = 1;
  return () => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
}

/** An AudioContext whose time is that of a simulation. */
export class SimulatedContext {
  state = "running";
  readonly sampleRate = 48_000;
  readonly destination = {};
  outputLatency = 0.035;
  /** Buffers with their start and end, in frames. */
  onStart = (_start: number, _samples: Float32Array): void => {};
  /** Reads the time, in milliseconds of the loudspeaker's clock. */
  constructor(readonly time: () => number) {}

  get currentTime(): number {
    const frames = this.time() * this.sampleRate / 1_000;
    return Math.ceil(frames / BLOCK) * BLOCK / this.sampleRate;
  }

  createBuffer(_channels: number, length: number) {
    const samples = new Float32Array(length);
    return { samples, copyToChannel: (source: Float32Array) => samples.set(source) };
  }

  createBufferSource() {
    const source = {
      buffer: undefined as ReturnType<SimulatedContext["createBuffer"]> | undefined,
      connect() {},
      stop() {},
      start: (at: number) => this.onStart(Math.round(at * this.sampleRate), source.buffer!.samples),
    };
    return source;
  }
}

/** Creates a player for a simulated context. */
export function playerFor(context: SimulatedContext, now: () => number): SoundPlayer {
  return new SoundPlayer(context as unknown as AudioContext, now);
}

/** Runs the player for hours of simulated time. @returns What was heard after the first 5 s. */
export function simulate(conditions: Conditions): { player: SoundPlayer; heard: Heard[] } {
  const { minutes, sourcePpm = 0, outputPpm = 0, jitter = 5, transit = 1, stall } = conditions;
  const { pauseAt = Infinity, pauseFor = 100, latency = () => 35, offset = () => 0, onPacket } =
    conditions;
  const { pictureAge, isLost = () => false } = conditions;
  const random = randomNumbers();
  const rate = 24_000, size = rate * PACKET / 1_000;
  const samples = new Int16Array(size);
  const outputRate = 1 + outputPpm / 1e6, sourceRate = 1 + sourcePpm / 1e6;
  let now = 0, start = NaN;
  const context = new SimulatedContext(() =>
    (now - (now > pauseAt ? Math.min(pauseFor, now - pauseAt) : 0)) * outputRate
  );
  context.onStart = (frame) => start = frame;
  const player = playerFor(context, () => now);
  const heard: Heard[] = [];
  let capturedAt = 0, threadFreeAt = 0;
  for (let i = 0; now < minutes * 60_000; i++) {
    const at = i * PACKET / sourceRate;
    // The microphone delivers in bursts, so the server's stamps are a little wrong.
    capturedAt = Math.max(capturedAt, at + PACKET / sourceRate + 2 + 8 * random());
    if (isLost(i)) continue;
    if (stall && i % 1_500 === 1_499) threadFreeAt = capturedAt + stall;
    const arrivedAt = capturedAt + transit + jitter * random() ** 4;
    threadFreeAt = now = Math.max(threadFreeAt, arrivedAt);
    context.outputLatency = latency(now) / 1_000;
    if (pictureAge) {
      player.minDelay = pictureAge(now) - 10;
      player.maxDelay = pictureAge(now) + 60;
    }
    start = NaN;
    onPacket?.(player, i);
    player.push(at + offset(now) + 2 * random() - 1, samples, rate, !isLost(i - 1));
    if (Number.isNaN(start)) continue;
    const paused = start / 48 / outputRate > pauseAt ? pauseFor : 0;
    const heardAt = start / 48 / outputRate + latency(now) + paused;
    if (now > 5_000) heard.push({ at, heardAt, error: heardAt - at - offset(now) - player.delay });
  }
  return { player, heard };
}
