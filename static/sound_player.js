// @ts-check
/// <reference lib="dom" />

// Times are in milliseconds of `performance.now()`, unless a name says otherwise.

/** A larger error is corrected by a jump, a smaller one within this time by the speed. */
const MAX_ERROR = 40;
const CORRECTION_TIME = 3_000;
const MAX_BEND = 0.006;
const ERROR_PACKETS = 20;
/** How early packets should arrive, but for 0.1 % of those in the window. */
const MARGIN = 12;
const LATE_SHARE = 0.001;
const WINDOW = 30_000;
/** The delay is adapted once in this time; larger steps are made at once. */
const ADAPT_INTERVAL = 1_000;
const MAX_INCREASE = 20;
const MAX_DECREASE = 4;
const MAX_STEP = 100;
/** Delay beyond that of the earliest packet, even if it exceeds the maximum. */
const EXTRA_DELAY = 70;
/** At first, packets are only observed, for this time. */
const OBSERVATION = 300;
/** Output latency where the browser reports none (Safari before 18.4, WebKitGTK). */
const UNKNOWN_LATENCY = 40;
/** The output's clock is averaged, and corrected if it is off ten times in a row. */
const CLOCK_WINDOW = 5_000;
const CLOCK_TOLERANCE = 30;
const MAX_DEVIATIONS = 10;
/** Samples cannot be scheduled closer to the present. */
const SCHEDULE_AHEAD = 2;

/**
 * Plays packets, each `delay` after it was heard, whatever the clocks of the two sound cards do.
 * Without HTTPS, a page from another machine has no AudioWorklet: an AudioBufferSourceNode will do.
 */
export class SoundPlayer {
  /** How long after a sound was heard it is played; NaN if unknown. */
  delay = NaN;
  /** Limits of the delay; if packets need more, the pictures have to wait. */
  minDelay = -Infinity;
  maxDelay = Infinity;
  /** How late the sound is, averaged. */
  error = 0;
  speed = 1;
  /** Number of packets that were too late, of corrections by a jump, and of packets played. */
  late = 0;
  jumps = 0;
  played = 0;
  lastPacketAt = -Infinity;
  #context;
  #now;
  /** Frame of the next packet. */
  #next = NaN;
  /** When frame 0 would have been heard, and how long that was observed. */
  #zero = NaN;
  #clockTime = 0;
  /** Last observations in a row that deviate. @type {number[]} */
  #deviations = [];
  /** Duration of the packets since a reset, and when to adapt the delay. */
  #received = 0;
  #adaptAt = OBSERVATION;
  /** How early the last packets were, for a delay of 0. @type {number[]} */
  #slacks = [];
  /** The samples before the next packet, and the position of its first frame. */
  #tail = new Float32Array(3);
  #phase = 0;
  /** @type {Set<AudioBufferSourceNode>} */
  #sources = new Set();

  /** @param {AudioContext} context @param {() => number} [now] */
  constructor(context, now = () => performance.now()) {
    this.#context = context;
    this.#now = now;
  }

  /**
   * Plays a packet, which may follow the last one without a gap.
   *
   * @param {number} heardAt @param {Int16Array} samples @param {number} rate @param {boolean} follows
   */
  push(heardAt, samples, rate, follows = true) {
    const context = this.#context;
    this.lastPacketAt = this.#now();
    if (context.state !== "running") return this.reset();
    const duration = samples.length / rate * 1_000;
    this.#readClock(duration);
    this.#received += duration;
    const now = context.currentTime * 1_000;
    const slack = heardAt - this.#zero - now;
    if (!this.#adapt(slack, duration)) return;
    const ideal = slack + this.delay + now;
    const perMs = context.sampleRate / 1_000;
    let next = this.#next / perMs;
    if (ideal < now) this.late++;
    if (!(next >= now) || !follows) next = NaN;
    const earliest = Math.max(ideal, now + SCHEDULE_AHEAD);
    const error = next - earliest;
    const isJump = Math.abs(error) > MAX_ERROR;
    if (Number.isNaN(error) || isJump) {
      // Late samples are left out.
      const skipped = Math.round((earliest - ideal) * rate / 1_000);
      if (isJump) this.jumps++;
      this.#begin(earliest * perMs);
      if (skipped >= samples.length) return void (this.#next = NaN);
      samples = samples.subarray(skipped);
    } else {
      this.error += (error - this.error) / ERROR_PACKETS;
      this.speed = 1 + clamp(this.error / CORRECTION_TIME, -MAX_BEND, MAX_BEND);
    }
    this.#schedule(this.#resample(samples, rate * this.speed / context.sampleRate));
  }

  /** Stops, and forgets the delay. */
  reset() {
    this.#stop(0);
    this.#next = NaN;
    this.#received = 0;
    this.#adaptAt = OBSERVATION;
    this.#slacks = [];
    this.error = 0;
    this.speed = 1;
    this.delay = NaN;
    if (this.#context.state !== "running") this.#clockTime = 0;
  }

  /** Observes when frames of the context reach the loudspeaker. @param {number} duration */
  #readClock(duration) {
    const context = this.#context;
    const now = this.#now();
    const { contextTime = 0, performanceTime = 0 } = context.getOutputTimestamp?.() ?? {};
    const said = context.outputLatency * 1_000 ||
      (context.baseLatency || 0) * 1_000 + UNKNOWN_LATENCY;
    const seen = (context.currentTime - contextTime) * 1_000 - (now - performanceTime);
    // Chromium's timestamp is the steadiest; Firefox's omits the latency, WebKit's is seconds off.
    const isCredible = contextTime > 0 && seen > said / 2 && seen < said + 100;
    const zero = now + (isCredible ? seen : said) - context.currentTime * 1_000;
    if (this.#clockTime > 0 && Math.abs(zero - this.#zero) >= CLOCK_TOLERANCE) {
      if (this.#deviations.push(zero - this.#zero) > MAX_DEVIATIONS) this.#correctClock();
      return;
    }
    this.#deviations = [];
    this.#clockTime = Math.min(this.#clockTime + duration, CLOCK_WINDOW);
    if (this.#clockTime === duration) this.#zero = zero;
    else this.#zero += (zero - this.#zero) * duration / this.#clockTime;
  }

  /** Follows an output that has paused; observes it again if it was replaced. */
  #correctClock() {
    const change = this.#deviations.reduce((sum, each) => sum + each) / this.#deviations.length;
    this.#deviations = [];
    this.#zero += change;
    this.#clockTime = OBSERVATION; // the next observations count more
    if (Math.abs(change) < MAX_STEP) return;
    const { delay } = this;
    this.reset();
    this.delay = delay;
    this.#clockTime = 0;
  }

  /** Keeps the delay as short as the arrivals permit; returns whether it is known. @param {number} slack @param {number} duration */
  #adapt(slack, duration) {
    this.#slacks.push(slack);
    if (this.#slacks.length * duration > WINDOW) this.#slacks.shift();
    const isFirst = this.#adaptAt === OBSERVATION;
    if (this.#received < this.#adaptAt) return !isFirst;
    this.#adaptAt = this.#received + ADAPT_INTERVAL;
    const sorted = this.#slacks.toSorted((a, b) => a - b);
    const needed = MARGIN - (sorted[Math.floor(sorted.length * LATE_SHARE)] ?? 0);
    const most = sorted[sorted.length - 1] ?? 0;
    const max = Math.max(this.maxDelay, EXTRA_DELAY - most, this.minDelay);
    if (isFirst) {
      const delay = Number.isNaN(this.delay) ? needed : Math.max(this.delay, needed);
      this.delay = clamp(delay, this.minDelay, max);
      return true;
    }
    const excess = this.delay - needed;
    let wanted = this.delay;
    if (excess < -MARGIN / 2) wanted += Math.min(-excess, MAX_INCREASE);
    else if (excess > MARGIN) wanted -= clamp((excess - MARGIN) / 20, 1, MAX_DECREASE);
    const change = clamp(wanted, this.minDelay, max) - this.delay;
    const limit = wanted > this.delay ? MAX_INCREASE : MAX_DECREASE;
    const isLarge = Math.abs(change) > MAX_STEP;
    this.delay += isLarge ? change : clamp(change, -MAX_DECREASE, limit);
    return true;
  }

  /** @param {number} frame */
  #begin(frame) {
    this.#next = Math.ceil(frame);
    this.#stop(this.#next / this.#context.sampleRate);
    this.#tail.fill(0);
    this.#phase = 0;
    this.error = 0;
    this.speed = 1;
  }

  /** @param {number} when In seconds of the context. */
  #stop(when) {
    for (const source of this.#sources) source.stop(when);
    this.#sources.clear();
  }

  /** @param {Float32Array<ArrayBuffer>} frames */
  #schedule(frames) {
    const context = this.#context;
    const buffer = context.createBuffer(1, frames.length, context.sampleRate);
    buffer.copyToChannel(frames, 0);
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(context.destination);
    source.onended = () => this.#sources.delete(source);
    this.#sources.add(source);
    source.start(this.#next / context.sampleRate);
    this.#next += frames.length;
    this.played++;
  }

  /** Resamples along one curve (Hermite's) through all packets: no seams. @param {Int16Array} samples @param {number} step */
  #resample(samples, step) {
    const tail = this.#tail;
    const input = new Float32Array(tail.length + samples.length);
    input.set(tail);
    for (let i = 0; i < samples.length; i++) input[i + 3] = (samples[i] ?? 0) / 32_768;
    const length = Math.max(1, Math.ceil((samples.length - this.#phase) / step));
    const output = new Float32Array(length);
    let at = this.#phase;
    for (let k = 0; k < length; k++, at += step) {
      const i = Math.floor(at), t = at - i;
      const a = input[i] ?? 0, b = input[i + 1] ?? 0, c = input[i + 2] ?? 0, d = input[i + 3] ?? 0;
      const slope = (c - a) / 2, cube = (d - a) / 2 + 1.5 * (b - c);
      const square = a - 2.5 * b + 2 * c - d / 2;
      output[k] = ((cube * t + square) * t + slope) * t + b;
    }
    this.#phase = at - samples.length;
    tail.set(input.subarray(input.length - tail.length));
    return output;
  }
}

/** @param {number} value @param {number} min @param {number} max */
function clamp(value, min, max) {
  return Math.max(min, Math.min(max, value));
}
