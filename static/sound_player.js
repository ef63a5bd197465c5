// @ts-check
/// <reference lib="dom" />

// Times are in milliseconds of `performance.now()`, unless a name says otherwise.

/** A larger error is corrected by a jump, a smaller one by the speed. */
const MAX_ERROR = 40;
/** The error is corrected in about this time, at a speed that differs by at most 0.6 %. */
const CORRECTION_TIME = 3_000;
const MAX_BEND = 0.006;
/** Number of packets that the error is averaged over. */
const ERROR_PACKETS = 20;
/** How early most packets should arrive; 3 % of them may arrive later. */
const MARGIN = 12;
const LATE_SHARE = 0.03;
/** How much the delay may exceed its maximum, if even undelayed packets need it. */
const EXTRA_DELAY = 30;
/** The delay depends on the packets of this period, and is adapted once in the second one. */
const WINDOW = 10_000;
const ADAPT_INTERVAL = 1_000;
/** How much the delay changes each time; by more than the last value, at once and with a jump. */
const MAX_INCREASE = 20;
const MAX_DECREASE = 4;
const MAX_STEP = 100;
/** Packets are observed before the first one is played: at first, and after a reset. */
const FIRST_OBSERVATION = 500;
const OBSERVATION = 200;
/** Output latency of browsers that do not report it (Safari before 18.4, WebKitGTK). */
const UNKNOWN_LATENCY = 40;
/** The output's clock is averaged over this time. */
const CLOCK_WINDOW = 5_000;
/** The output has paused, or was replaced, if its clock is off by more, this many times in a row. */
const CLOCK_TOLERANCE = 30;
const MAX_DEVIATIONS = 10;
/** Samples cannot be scheduled closer to the present. */
const SCHEDULE_AHEAD = 2;
/** Length of the fade after a gap, in frames. */
const FADE = 128;

/**
 * Plays packets of samples, each `delay` after it was heard, whatever the clocks of the two sound
 * cards do. Needs only `AudioBufferSourceNode`: without HTTPS, a page from another machine has no
 * AudioWorklet and no AudioDecoder.
 */
export class SoundPlayer {
  /** How long after a sound was heard it is played; NaN until that is known. */
  delay = NaN;
  /**
   * Limits of the delay. It exceeds the maximum only if the output is so late that no packet would
   * be in time.
   */
  minDelay = -Infinity;
  maxDelay = Infinity;
  /** How late the sound is against `delay`, averaged. */
  error = 0;
  speed = 1;
  /** Number of packets that arrived too late. */
  late = 0;
  /** Number of times that the sound skipped or repeated something to be in time again. */
  jumps = 0;
  /** Number of packets played. */
  played = 0;
  /** When the last packet arrived. */
  lastPacketAt = -Infinity;
  #output;
  #context;
  #now;
  /** Frame of the context where the next packet begins. */
  #next = NaN;
  /** When frame 0 of the context would have been at the loudspeaker, and how long that was observed. */
  #zero = NaN;
  #clockTime = 0;
  #deviations = 0;
  /** Duration of the packets since the last reset, and how many of it are observed only. */
  #received = 0;
  #observation = FIRST_OBSERVATION;
  #adaptAt = 0;
  /** How early the last packets arrived, for a delay of 0. @type {number[]} */
  #slacks = [];
  /** The last samples before the next packet, and where its first frame lies. */
  #tail = new Float32Array(3);
  #phase = 0;
  /** Number of frames since the last gap. */
  #frames = 0;
  /** @type {Set<AudioBufferSourceNode>} */
  #sources = new Set();

  /** @param {AudioNode} output @param {() => number} [now] */
  constructor(output, now = () => performance.now()) {
    this.#output = output;
    this.#context = output.context;
    this.#now = now;
  }

  /** How long a frame takes from its turn in the context to the loudspeaker. */
  get outputLatency() {
    return this.#zero + this.#context.currentTime * 1_000 - this.#now();
  }

  /**
   * Plays a packet.
   *
   * @param {number} heardAt When its first sample was heard.
   * @param {Int16Array} samples
   * @param {number} rate Samples per second.
   * @param {boolean} follows Whether the packet before it was the last one pushed.
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
      // What is late is left out, so that lateness does not accumulate.
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

  /** Stops, and forgets the delay: for another camera, or another position of a recording. */
  reset() {
    this.#stop(0);
    this.#next = NaN;
    this.#received = this.#adaptAt = 0;
    this.#slacks = [];
    this.error = 0;
    this.speed = 1;
    this.delay = NaN;
    if (this.#context.state === "running") return;
    this.#clockTime = 0;
    this.#observation = FIRST_OBSERVATION;
  }

  /** Observes when frames of the context reach the loudspeaker. @param {number} duration */
  #readClock(duration) {
    const context = /** @type {AudioContext} */ (this.#context);
    const now = this.#now();
    const { contextTime = 0, performanceTime = 0 } = context.getOutputTimestamp?.() ?? {};
    const said = context.outputLatency * 1_000 ||
      (context.baseLatency || 0) * 1_000 + UNKNOWN_LATENCY;
    const seen = (context.currentTime - contextTime) * 1_000 - (now - performanceTime);
    // Chromium's time stamp is steadier than its latency; Firefox's omits the latency, and WebKit's
    // is wrong by seconds.
    const isCredible = contextTime > 0 && seen > said / 2 && seen < said + 100;
    const zero = now + (isCredible ? seen : said) - context.currentTime * 1_000;
    this.#deviations = Math.abs(zero - this.#zero) < CLOCK_TOLERANCE ? 0 : this.#deviations + 1;
    if (this.#clockTime > 0 && this.#deviations > MAX_DEVIATIONS) {
      // The delay stays, unless packets need more.
      const { delay } = this;
      this.reset();
      this.delay = delay;
      this.#clockTime = 0;
    }
    if (this.#clockTime === 0) this.#deviations = 0;
    this.#clockTime = Math.min(this.#clockTime + duration, CLOCK_WINDOW);
    if (this.#clockTime === duration) this.#zero = zero;
    else this.#zero += (zero - this.#zero) * duration / this.#clockTime;
  }

  /**
   * Adapts the delay: no longer than necessary, so that nearly all packets are in time.
   *
   * @param {number} slack How early a packet arrived, for a delay of 0.
   * @param {number} duration
   * @returns {boolean} Whether there is a delay already.
   */
  #adapt(slack, duration) {
    this.#slacks.push(slack);
    if (this.#slacks.length * duration > WINDOW) this.#slacks.shift();
    if (this.#received < this.#observation) return false;
    if (this.#received < this.#adaptAt) return true;
    const isFirst = this.#adaptAt === 0;
    this.#observation = OBSERVATION;
    this.#adaptAt = this.#received + ADAPT_INTERVAL;
    const sorted = this.#slacks.toSorted((a, b) => a - b);
    const needed = MARGIN - (sorted[Math.floor(sorted.length * LATE_SHARE)] ?? 0);
    const most = sorted[sorted.length - 1] ?? 0; // of a packet that nothing delayed
    const max = Math.max(this.maxDelay, EXTRA_DELAY - most, this.minDelay);
    if (isFirst) {
      const delay = Number.isNaN(this.delay) ? needed : Math.max(this.delay, needed);
      this.delay = clamp(delay, this.minDelay, max);
      return true;
    }
    const excess = this.delay - needed; // 0: the margin is as it should be
    let wanted = this.delay;
    if (excess < -MARGIN / 2) wanted += Math.min(-excess, MAX_INCREASE);
    else if (excess > MARGIN) wanted -= clamp((excess - MARGIN) / 20, 1, MAX_DECREASE);
    const change = clamp(wanted, this.minDelay, max) - this.delay;
    const isUrgent = wanted > this.delay && change > 0;
    if (Math.abs(change) > MAX_STEP) this.delay += change;
    else this.delay += clamp(change, -MAX_DECREASE, isUrgent ? MAX_INCREASE : MAX_DECREASE);
    return true;
  }

  /** Begins anew at a frame of the context. @param {number} frame */
  #begin(frame) {
    this.#next = Math.ceil(frame);
    this.#stop(this.#next / this.#context.sampleRate);
    this.#tail.fill(0);
    this.#phase = this.#frames = 0;
    this.error = 0;
    this.speed = 1;
  }

  /** Stops what is scheduled, at a time of the context in seconds. @param {number} when */
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
    source.connect(this.#output);
    source.onended = () => this.#sources.delete(source);
    this.#sources.add(source);
    source.start(this.#next / context.sampleRate);
    this.#next += frames.length;
    this.played++;
  }

  /**
   * Resamples a packet: one curve (Hermite's) goes through all packets, so that there is no seam.
   *
   * @param {Int16Array} samples
   * @param {number} step Samples per frame.
   */
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
      const fade = Math.min(1, this.#frames++ / FADE);
      output[k] = fade * (((cube * t + square) * t + slope) * t + b);
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
