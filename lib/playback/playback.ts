import type { Clock } from "../clock.ts";
import type { Jpeg } from "../frame.ts";
import {
  type FrameSource,
  gapLimit,
  intervalAt,
  isGap,
  type RecordedFrame,
} from "./frame_source.ts";
import { ROUNDING } from "./live_edge.ts";
import type { Playhead, PlayheadMember } from "./playhead.ts";
import { SerialSource } from "./serial_source.ts";
import { Wait } from "./wait.ts";

/** Maximum number of frames per second, unless the consumer wants fewer. */
const MAX_FPS = 60;
/** Lateness of a frame that does not delay the next ones, in milliseconds: timers are late. */
const LATE = 4;
/** A frame is due this much before its time, in milliseconds, as times are not exact. */
const TOLERANCE = 0.01;
/** Interval at which frames are looked for that are being recorded, in milliseconds. */
const RECORDER_POLL = 20;
/** Interval at which new frames are looked for after the end of a recording, in milliseconds. */
const END_POLL = 1_000;
/** How long frames may take to be recorded until playback goes live without them. */
const RECORDER_TIMEOUT = 1_000;
/** How far behind the present playback counts as live, in milliseconds, at high frame rates. */
const MIN_LIVE_DELAY = 50;

/** What comes next; see {@link Playback.next}. */
export type PlaybackEvent =
  /** A frame to show now. */
  | {
    readonly type: "frame";
    readonly at: number;
    readonly jpeg: Jpeg;
    readonly playhead: Playhead;
  }
  /** The playhead stands still, and the frame there is shown already. */
  | { readonly type: "paused"; readonly at: number }
  /** Nothing was recorded in this period. The playhead jumps over it when it can. */
  | { readonly type: "gap"; readonly from: number; readonly to: number }
  /** The oldest frame is shown, and the playhead moves backwards. */
  | { readonly type: "start"; readonly at: number }
  /** There is no newer recorded frame: the live frames follow. `at`: time of the frame shown. */
  | { readonly type: "live"; readonly at: number | undefined }
  /** Nothing is recorded. */
  | { readonly type: "none" }
  /** Playback is closed. */
  | { readonly type: "end" };

/** Options of a {@link Playback}. */
export interface PlaybackOptions {
  source: FrameSource;
  playhead: Playhead;
  clock: Clock;
  /** Maximum number of frames per second. @default {60, which is also the most} */
  maxFps?: number;
  /** Returns the time of arrival of the newest live frame; see `arrivalTime`. */
  liveEdge?: () => number | undefined;
}

/** A frame with its image. */
interface Loaded {
  readonly frame: RecordedFrame;
  readonly jpeg: Jpeg;
}

type Direction = 1 | -1;

/**
 * Plays one camera's recordings along a playhead. A consumer asks for the next frame when its
 * client has received the previous one: at any speed, and on a link of any speed, the frame shown is
 * the one at the playhead, and only the number of frames differs.
 *
 * Forwards that is the last frame at or before the playhead, backwards the first one at or after it.
 */
export class Playback implements AsyncDisposable, PlayheadMember {
  readonly #source: SerialSource;
  readonly #clock: Clock;
  readonly #minInterval: number;
  readonly #liveEdge: () => number | undefined;
  readonly #wait: Wait;
  #playhead: Playhead;
  /** The frame shown last, or passed because it cannot be read. */
  #shown: RecordedFrame | undefined;
  /** Whether the playhead has been moved: the frame there is shown again. */
  #moved = true;
  /** Number of frames to step, and whether a step was requested. */
  #steps = 0;
  /** The frame after the one shown, read ahead. */
  #ahead:
    | { readonly direction: Direction; readonly loaded: Promise<Loaded | undefined> }
    | undefined;
  /** Monotonic time from which on the next frame may be shown. */
  #allowedAt = -Infinity;
  /** What has been reported since the last frame or request: everything is reported once. */
  #reported: string | undefined;
  /** Whether the oldest frame is shown, and the playhead moves backwards. */
  #atStart = false;
  /** Position for which the frame shown stands still. */
  #stillAt: number | undefined;
  /** Monotonic time since when only frames are missing that the recorder has not written yet. */
  #missingSince: number | undefined;

  constructor({ source, playhead, clock, maxFps = MAX_FPS, liveEdge }: PlaybackOptions) {
    this.#source = new SerialSource(source);
    this.#clock = clock;
    this.#wait = new Wait(clock);
    this.#minInterval = 1000 / Math.min(maxFps, MAX_FPS);
    this.#liveEdge = liveEdge ?? (() => undefined);
    this.#playhead = playhead;
    playhead.join(this);
  }

  /** The present position, from which a change of speed goes on. */
  get position(): number {
    return this.#atStart && this.#shown ? this.#shown.at : this.#playhead.position;
  }

  /** Time of the frame shown last; undefined if none has been shown since the last move. */
  get shownAt(): number | undefined {
    return this.#moved ? undefined : this.#shown?.at;
  }

  /**
   * Follows another playhead from now on.
   *
   * @param moved Whether it is at another position, so that the frame there is shown even if it is
   * the one shown now.
   */
  follow(playhead: Playhead, moved: boolean): void {
    this.#playhead.leave(this);
    this.#playhead = playhead;
    playhead.join(this);
    if (moved) {
      this.#moved = true;
      this.#steps = 0;
    }
    this.#stillAt = undefined;
    this.#reported = undefined;
    this.wake();
  }

  /**
   * Shows the frame that is this number of frames after the last one (before it, if negative), and
   * moves the playhead there, which must stand still. Steps that have not been taken yet add up.
   */
  step(by: number): void {
    this.#steps += by;
    this.#reported = undefined;
    this.wake();
  }

  /** Called by the playhead. */
  wake(): void {
    this.#wait.wake();
  }

  /**
   * Waits until there is something to show, or to report. Calls must not overlap. After `live`,
   * `none` and `end` there is nothing more.
   *
   * @throws If the recording cannot be read.
   */
  async next(): Promise<PlaybackEvent> {
    while (!this.#source.closed) {
      this.#wait.begin();
      const early = this.#allowedAt - this.#clock.monotonic();
      if (early > 0.5) {
        await this.#wait.until(early);
        continue;
      }
      const playhead = this.#playhead;
      const event = await this.#decide();
      if (!event || this.#source.closed) continue;
      // The frame of a superseded request is shown, or quickly repeated requests would show none.
      if (event.type === "frame") return { ...event, playhead };
      if (playhead === this.#playhead) return event;
      this.#reported = undefined;
    }
    return { type: "end" };
  }

  /** Ends a pending `next()`, and closes the source. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#playhead.leave(this);
    const closing = this.#source[Symbol.asyncDispose]();
    this.wake();
    await closing;
  }

  async #decide(): Promise<PlaybackEvent | undefined> {
    await this.#ahead?.loaded; // it moves the source, too
    if (this.#moved) {
      this.#moved = this.#atStart = false;
      this.#shown = this.#ahead = undefined;
    }
    if (this.#steps !== 0) return await this.#takeSteps();
    const { speed } = this.#playhead;
    if (speed === 0) return await this.#stand();
    return await this.#play(speed > 0 ? 1 : -1);
  }

  /** Shows the frame at a playhead that stands still. */
  async #stand(): Promise<PlaybackEvent | undefined> {
    const { position } = this.#playhead;
    const isStill = this.#shown && (this.#stillAt ?? position) === position;
    this.#stillAt = position;
    if (isStill) return await this.#report({ type: "paused", at: this.#shown!.at });
    const found = await this.#readNear(Math.floor(position), -1) ??
      await this.#readNear(Math.floor(position), 1);
    if (!found) return { type: "none" };
    if (found.frame.at !== this.#shown?.at) return this.#show(found);
    return await this.#report({ type: "paused", at: found.frame.at });
  }

  async #takeSteps(): Promise<PlaybackEvent | undefined> {
    const by = this.#steps;
    const direction = by > 0 ? 1 : -1;
    const { position } = this.#playhead;
    const begin = this.#shown ?? await this.#source.seek(position, "before") ??
      await this.#source.seek(position, "after");
    if (!begin) return { type: "none" };
    let target = await this.#source.seek(begin.at, "before") ??
      await this.#source.seek(begin.at, "after");
    for (let taken = 0; target && taken !== by; taken += direction) {
      const next = await this.#source.step(direction);
      if (!next) break;
      target = next;
    }
    if (this.#moved) return undefined; // superseded meanwhile
    this.#steps -= by;
    const loaded = target && await this.#readNear(target.at, direction);
    if (!loaded || loaded.frame.at === this.#shown?.at) {
      this.#stillAt = position;
      this.#shown ??= begin;
      this.#reported = undefined;
      const type = direction === -1 ? "start" : "paused";
      return await this.#report({ type, at: this.#shown.at });
    }
    this.#stillAt = loaded.frame.at;
    this.#playhead.jump(loaded.frame.at);
    return this.#show(loaded);
  }

  async #play(direction: Direction): Promise<PlaybackEvent | undefined> {
    const ahead = this.#ahead?.direction === direction ? await this.#ahead.loaded : undefined;
    const { position } = this.#playhead;
    if (ahead) {
      const late = direction * (position - ahead.frame.at);
      if (late < -TOLERANCE) return await this.#waitFor(ahead.frame.at);
      if (late < this.#distance(ahead.frame)) return this.#show(ahead);
    }
    this.#ahead = undefined;
    const found = await this.#lastPassed(position, direction);
    if (found && direction * (position - found.at) <= gapLimit(found)) {
      return await this.#read(found);
    }
    const passed = found ?? this.#shown;
    const next = await this.#following(passed?.at, direction);
    if (!next) return await this.#reachEdge(found, direction);
    if (passed ? isGap(passed, next) : Math.abs(next.at - position) > gapLimit(next)) {
      const from = passed?.at ?? position;
      if (direction === 1 && this.#spansPresent(from, next)) return await this.#reachEdge(found, 1);
      return await this.#skip(from, next.at);
    }
    if (found) return await this.#read(found);
    const jpeg = await this.#source.seekAndRead(next);
    if (!jpeg) this.#shown = next; // it has been deleted
    else this.#ahead = { direction, loaded: Promise.resolve({ frame: next, jpeg }) };
  }

  /** Returns how long a frame is shown, in milliseconds of the recording. */
  #distance(frame: RecordedFrame): number {
    return this.#shown ? Math.abs(frame.at - this.#shown.at) : intervalAt(frame);
  }

  /** Finds the last frame that the playhead has passed; undefined if it is shown already. */
  async #lastPassed(
    position: number,
    direction: Direction,
  ): Promise<RecordedFrame | undefined> {
    const found = direction === 1
      ? await this.#source.seek(Math.floor(position + TOLERANCE), "before")
      : await this.#source.seek(Math.ceil(position - TOLERANCE), "after");
    const isNew = found && (!this.#shown || direction * (found.at - this.#shown.at) > 0);
    return isNew ? found : undefined;
  }

  /** Finds the first frame after a time, or after the playhead, in the direction of play. */
  #following(time: number | undefined, direction: Direction): Promise<RecordedFrame | undefined> {
    const from = time === undefined ? Math.floor(this.#playhead.position) : time + direction;
    return this.#source.seek(from, direction === 1 ? "after" : "before");
  }

  /**
   * Whether the present lies in a gap. Then the frames behind it were recorded before the clock was
   * set back.
   */
  #spansPresent(from: number, next: RecordedFrame): boolean {
    const now = this.#clock.now();
    return from <= now + MIN_LIVE_DELAY && next.at > now + gapLimit(next);
  }

  /** Jumps over a gap, or waits until it ends if another camera has frames in it. */
  async #skip(from: number, to: number): Promise<PlaybackEvent | undefined> {
    const jumped = this.#playhead.skip(this, to);
    const { position, speed } = this.#playhead;
    const gap = { type: "gap", from: Math.min(from, to), to: Math.max(from, to) } as const;
    return await this.#report(gap, { ms: jumped ? 0 : (to - position) / speed, place: to });
  }

  /** There is no further frame. @param found The last frame, if it has not been shown. */
  async #reachEdge(
    found: RecordedFrame | undefined,
    direction: Direction,
  ): Promise<PlaybackEvent | undefined> {
    if (direction === -1) {
      if (found) return await this.#read(found);
      if (!this.#shown) return { type: "none" };
      this.#atStart = true;
      this.#playhead.skip(this, -Infinity);
      return await this.#report({ type: "start", at: this.#shown.at });
    }
    const newest = found ?? this.#shown;
    if (!newest) return { type: "none" };
    const now = this.#clock.now();
    const { position, speed } = this.#playhead;
    if (Math.abs(now - newest.at) > gapLimit(newest)) {
      // Nothing was recorded until now.
      if (position >= now || this.#playhead.skip(this, now)) return this.#live();
      const gap = { type: "gap", from: newest.at, to: now } as const;
      return await this.#report(gap, { ms: END_POLL, place: newest.at });
    }
    return await this.#waitForRecorder(newest, { position, speed, now });
  }

  /** Waits for the frame after the newest one, unless the playhead has reached the present. */
  async #waitForRecorder(
    newest: RecordedFrame,
    { position, speed, now }: { position: number; speed: number; now: number },
  ): Promise<PlaybackEvent | undefined> {
    const edge = this.#liveEdge();
    const interval = intervalAt(newest);
    // Fewer frames may be recorded than the camera delivers.
    const isBehind = edge !== undefined && newest.at < edge - Math.max(ROUNDING, interval / 4);
    const delay = Math.max(0, now - position);
    if (speed >= 1 && delay <= Math.max(MIN_LIVE_DELAY, 1.5 * interval)) {
      if (!isBehind) return this.#live();
      const time = this.#clock.monotonic();
      this.#missingSince ??= time;
      if (time - this.#missingSince >= RECORDER_TIMEOUT) return this.#live();
    } else this.#missingSince = undefined;
    // A frame that is not captured yet is due after the playhead has passed the present time.
    await this.#wait.until(isBehind ? RECORDER_POLL : Math.max(RECORDER_POLL, delay / speed));
  }

  #live(): PlaybackEvent {
    return { type: "live", at: this.#shown?.at };
  }

  async #waitFor(at: number): Promise<undefined> {
    const { position, speed } = this.#playhead;
    await this.#wait.until((at - position) / speed);
    return undefined;
  }

  /**
   * Reports an event once; after that, waits.
   *
   * @param ms Time to wait. @default {Infinity}
   * @param place What distinguishes it from events of the same type. It must not move with the
   * playhead or the time.
   */
  async #report(
    event: PlaybackEvent,
    { ms, place }: { ms?: number; place?: number } = {},
  ): Promise<PlaybackEvent | undefined> {
    const key = `${event.type} ${place ?? ""}`;
    if (key !== this.#reported) {
      this.#reported = key;
      return event;
    }
    await this.#wait.until(ms);
  }

  /** Reads a frame and shows it; passes it if it has been deleted. */
  async #read(frame: RecordedFrame): Promise<PlaybackEvent | undefined> {
    const jpeg = await this.#source.seekAndRead(frame);
    if (jpeg) return this.#show({ frame, jpeg });
    this.#shown = frame;
  }

  /** Reads the frame at a time, or the first readable one before or after it. */
  async #readNear(time: number, direction: Direction): Promise<Loaded | undefined> {
    const edge = direction === 1 ? "after" : "before";
    let frame = await this.#source.seek(time, edge);
    while (frame) {
      const jpeg = await this.#source.read();
      if (jpeg) return { frame, jpeg };
      frame = await this.#source.seek(frame.at + direction, edge);
    }
  }

  #show(loaded: Loaded): PlaybackEvent {
    const { frame, jpeg } = loaded;
    const previous = this.#shown;
    const playhead = this.#playhead;
    const now = this.#clock.monotonic();
    const isOnTime = now - this.#allowedAt <= LATE;
    this.#allowedAt = (isOnTime ? this.#allowedAt : now) + this.#minInterval;
    this.#shown = frame;
    playhead.resume(this);
    this.#ahead = undefined;
    this.#atStart = false;
    const { speed } = playhead;
    this.#reported = speed === 0 ? "paused " : undefined;
    // On a slow link the next frame is another one by the time it is needed.
    const isNear = !previous || Math.abs(frame.at - previous.at) <= 1.5 * intervalAt(frame);
    if (speed !== 0 && isNear) {
      const direction = speed > 0 ? 1 : -1;
      this.#ahead = { direction, loaded: this.#readAhead(frame, direction) };
    }
    return { type: "frame", at: frame.at, jpeg, playhead };
  }

  /** Reads the frame after the one shown. Errors occur again when it is due. */
  async #readAhead(shown: RecordedFrame, direction: Direction): Promise<Loaded | undefined> {
    try {
      const frame = await this.#following(shown.at, direction);
      if (!frame || isGap(shown, frame)) return undefined;
      const jpeg = await this.#source.seekAndRead(frame);
      return jpeg && { frame, jpeg };
    } catch {
      return undefined;
    }
  }
}
