import {
  type Beat,
  BEAT_INTERVAL,
  beatSubject,
  encodeFrame,
  frameSubject,
  LANES,
  LEASE,
  type Want,
  wantSubject,
} from "../../../lib/nats/protocol.ts";
import type { FakeClient } from "../../fake_bus.ts";

/** Options of a {@link FakeOrigin}. */
export interface FakeOriginOptions {
  camera?: string;
  fps?: number;
  /** Size of a frame, in bytes. */
  size?: number;
  epoch?: number;
}

/** A small origin for tests of an edge, with a camera that always delivers frames. */
export class FakeOrigin implements Disposable {
  readonly camera: string;
  readonly epoch: number;
  /** Number of frames published. */
  sent = 0;
  /** All wants, in the order of their arrival. */
  readonly wants: Want[] = [];
  state: Beat["state"] = "off";
  error: string | undefined;
  /** Whether it sends beats. */
  beats = true;
  /** Whether it sends frames. */
  frames = true;
  /** Added to the `monotonic` of all messages: as if its clock had stood, if negative. */
  clockError = 0;
  fps: number;
  readonly #client: FakeClient;
  readonly #size: number;
  readonly #stop = new AbortController();
  readonly #stack = new DisposableStack();
  readonly #edges = new Map<string, number>();
  readonly #wanted = new Array<"next" | "newest" | undefined>(LANES).fill(undefined);
  readonly #busy = new Set<number>();
  #sequence = 0;
  #sentSequence = 0;
  #newest: { sequence: number; capturedAt: number; monotonic: number } | undefined;
  #roundTrip = 0;

  constructor(client: FakeClient, options: FakeOriginOptions = {}) {
    const { camera = "front", fps = 30, size = 10_000, epoch = client.clock.now() } = options;
    this.#client = client;
    this.camera = camera;
    this.fps = fps;
    this.#size = size;
    this.epoch = epoch;
    this.#stack.use(client.subscribe(wantSubject(camera), ({ data }) => this.#onWant(data)));
    this.#stack.use(client.onConnection((connected) => {
      this.#wanted.fill(undefined);
      this.#busy.clear();
      if (connected) this.beat();
    }));
    this.#run().catch(() => {}); // aborted by dispose
    this.#beatRegularly().catch(() => {}); // aborted by dispose
  }

  /** Edges that watch. */
  get edges(): number {
    return this.#edges.size;
  }

  /** Sends a beat. */
  beat(changes: Partial<Beat> = {}): void {
    const { camera, epoch, state, error } = this;
    if (!this.beats) return;
    if (this.#busy.size === 0) {
      const begun = this.#client.clock.monotonic();
      this.#client.flush().then((ok) => {
        if (ok) this.#roundTrip = this.#client.clock.monotonic() - begun;
      });
    }
    const beat: Beat = {
      ...{ camera, epoch, state, error, driver: "usb", size: "1280x720" },
      now: this.#client.clock.now(),
      monotonic: this.#monotonic(),
      fps: state === "streaming" ? this.fps : 0,
      watched: this.edges > 0,
      ...changes,
    };
    this.#client.publish(beatSubject(camera), JSON.stringify(beat));
  }

  /** Ends as `kill -9` does. */
  kill(): void {
    this.#client.kill();
    this.#stop.abort();
  }

  /** Says that the camera is gone, and ends. */
  [Symbol.dispose](): void {
    this.#stop.abort();
    this.beat({ gone: true });
    this.#stack.dispose();
  }

  #monotonic(): number {
    return this.#client.clock.monotonic() + this.clockError;
  }

  #onWant(data: Uint8Array): void {
    const want: Want = JSON.parse(new TextDecoder().decode(data));
    this.wants.push(want);
    const isOther = want.epoch !== undefined && want.epoch !== this.epoch;
    if (isOther || want.bye) this.#edges.delete(want.edge);
    else {
      this.#edges.set(want.edge, this.#client.clock.monotonic());
      if (want.lane !== undefined && (want.new || !this.#wanted[want.lane])) {
        this.#wanted[want.lane] = want.new ? "newest" : "next";
      }
    }
    if (this.#edges.size === 0) this.#wanted.fill(undefined);
    this.#send();
  }

  async #run(): Promise<void> {
    const { clock } = this.#client;
    while (true) {
      await clock.sleep(1000 / this.fps, this.#stop.signal);
      for (const [edge, heardAt] of this.#edges) {
        if (clock.monotonic() - heardAt > LEASE) this.#edges.delete(edge);
      }
      if (this.edges === 0 || !this.frames) {
        this.#newest = undefined;
        if (this.state === "streaming" && this.frames) this.state = "off";
        continue;
      }
      this.state = "streaming";
      const monotonic = this.#monotonic();
      this.#newest = { sequence: ++this.#sequence, capturedAt: clock.now(), monotonic };
      this.#send();
    }
  }

  async #beatRegularly(): Promise<void> {
    while (true) {
      this.beat();
      await this.#client.clock.sleep(BEAT_INTERVAL, this.#stop.signal);
    }
  }

  #send(): void {
    const frame = this.#newest;
    if (!frame || !this.#client.connected) return;
    const isSent = frame.sequence <= this.#sentSequence;
    const lane = this.#wanted.findIndex((wanted, lane) =>
      wanted && !this.#busy.has(lane) && (!isSent || wanted === "newest")
    );
    if (lane < 0) return;
    this.#wanted[lane] = undefined;
    this.#sentSequence = frame.sequence;
    this.sent++;
    const jpeg = new Uint8Array(this.#size);
    jpeg.set([0xff, 0xd8]);
    const message = encodeFrame(jpeg, { ...frame, epoch: this.epoch, roundTrip: this.#roundTrip });
    this.#busy.add(lane);
    this.#client.publish(frameSubject(this.camera, lane), message);
    this.#client.flush().then((received) => {
      if (!received) return;
      this.#busy.delete(lane);
      this.#send();
    });
  }
}
