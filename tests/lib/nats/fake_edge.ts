import type { Clock } from "../../../lib/clock.ts";
import type { Bus, Message } from "../../../lib/nats/bus.ts";
import {
  ASK_INTERVAL,
  type Beat,
  beatSubject,
  FRAME_HEADER,
  type FrameHeader,
  frameSubject,
  type Want,
  wantSubject,
} from "../../../lib/nats/protocol.ts";

/** A frame as an edge has received it. Times are in milliseconds. */
export interface ReceivedFrame extends FrameHeader {
  readonly lane: number;
  readonly bytes: number;
  /** By the monotonic clock. */
  readonly arrivedAt: number;
  /** Time from its capture to its arrival. */
  readonly age: number;
}

/** Options of a {@link FakeEdge}. */
export interface FakeEdgeOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly camera?: string;
  /** Number of lanes, which does not change. @default {1} */
  readonly lanes?: number;
  /** See `Want.epoch`. */
  readonly epoch?: number;
}

/**
 * An edge that is as simple as the protocol allows: it opens its lanes, and each one again when a
 * frame has come on it.
 */
export class FakeEdge implements Disposable {
  readonly frames: ReceivedFrame[] = [];
  readonly name: string;
  readonly #clock: Clock;
  readonly #options: Required<Omit<FakeEdgeOptions, "epoch">> & Pick<FakeEdgeOptions, "epoch">;
  readonly #open = new Map<number, Disposable>();
  readonly #stop = new AbortController();

  constructor({ camera = "front", lanes = 1, ...options }: FakeEdgeOptions) {
    this.#options = { camera, lanes, ...options };
    this.#clock = options.clock;
    this.name = crypto.randomUUID();
    options.bus.onConnection((connected) => {
      this.#open.clear();
      if (connected) this.#openAll();
    });
    this.#openAll();
    this.#ask().catch(() => {}); // aborted by stop()
  }

  /** Sends any want. */
  want(want: Partial<Want> = {}): void {
    const { bus, camera, epoch } = this.#options;
    bus.publish(wantSubject(camera), JSON.stringify({ edge: this.name, epoch, ...want }));
  }

  /** Leaves; without a word if `bye` is false. */
  stop({ bye = true } = {}): void {
    this.#stop.abort();
    for (const lane of this.#open.values()) lane[Symbol.dispose]();
    this.#open.clear();
    if (bye) this.want({ bye: true });
  }

  /** {@link stop}. */
  [Symbol.dispose](): void {
    this.stop();
  }

  /** The frames since a time of the monotonic clock. */
  since(time: number): ReceivedFrame[] {
    return this.frames.filter(({ arrivedAt }) => arrivedAt >= time);
  }

  #openAll(): void {
    for (let lane = 0; lane < this.#options.lanes; lane++) this.#openLane(lane);
  }

  #openLane(lane: number): void {
    const { bus, camera } = this.#options;
    if (this.#stop.signal.aborted || this.#open.has(lane)) return;
    this.#open.set(
      lane,
      bus.subscribe(frameSubject(camera, lane), (message) => this.#take(message, lane), {
        max: 1,
      }),
    );
    this.want({ lane, new: this.frames.length === 0 });
  }

  #take(message: Message, lane: number): void {
    this.#open.delete(lane);
    this.frames.push({ ...this.#decode(message), lane });
    this.#openLane(lane);
  }

  #decode({ data }: Message): Omit<ReceivedFrame, "lane"> {
    const view = new DataView(data.buffer, data.byteOffset);
    const capturedAt = view.getFloat64(0);
    return {
      capturedAt,
      monotonic: view.getFloat64(8),
      epoch: view.getFloat64(16),
      sequence: view.getUint32(24),
      roundTrip: view.getUint32(28),
      bytes: data.length - FRAME_HEADER,
      arrivedAt: this.#clock.monotonic(),
      age: this.#clock.now() - capturedAt,
    };
  }

  async #ask(): Promise<void> {
    while (true) {
      await this.#clock.sleep(ASK_INTERVAL, this.#stop.signal);
      const last = this.frames.at(-1)?.arrivedAt ?? -Infinity;
      if (this.#clock.monotonic() - last < ASK_INTERVAL) this.want();
      else for (const lane of this.#open.keys()) this.want({ lane, new: last === -Infinity });
    }
  }
}

/** Collects the beats that a client receives. */
export function listenToBeats(bus: Bus, camera?: string): Beat[] {
  const beats: Beat[] = [];
  bus.subscribe(
    beatSubject(camera),
    ({ data }) => void beats.push(JSON.parse(new TextDecoder().decode(data))),
  );
  return beats;
}
