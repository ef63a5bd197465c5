import { LANES, LEASE } from "./protocol.ts";

/** Maximum number of edges in the table; others share one entry, and are not counted. */
const MAX_EDGES = 1_000;
/** Minimum time until an edge gets a frame again that was sent to it, in milliseconds. */
const MIN_REPEAT = 1_000;
/** Number of frames for other edges after which an edge has waited long. */
const LONG_WAIT = LANES;

/** An edge that watches a camera. Times are monotonic, in milliseconds. */
interface Edge {
  /** Time of its last want. */
  renewedAt: number;
  /** Time of the last frame for it; that of its first want before. */
  servedAt: number;
  /** Number of frames that were sent up to the last one for it, or up to its first want. */
  servedAfter: number;
  /** Sequence number of the last frame for it. */
  sequence: number;
  /** Whether it wants the newest frame although others have had it. */
  wantsNewest: boolean;
  /** The lanes on which it has room, as bits. */
  lanes: number;
}

/** The edges that watch a camera, and where they have room for a frame. */
export class EdgeTable {
  readonly #edges = new Map<string, Edge>();
  /** The shared entry of the edges that do not fit into the table. */
  #others: Edge | undefined;
  /** The lane that is considered first. */
  #next = 0;
  /** Number of frames that were sent. */
  #frames = 0;

  /** Number of edges. */
  get size(): number {
    return this.#edges.size;
  }

  /** Renews the lease of an edge. @returns Whether it is a new one. */
  renew(name: string, now: number): boolean {
    const edge = this.#edges.get(name);
    if (edge) edge.renewedAt = now;
    else if (this.#edges.size < MAX_EDGES) this.#edges.set(name, createEdge(now, this.#frames));
    else this.#others ??= createEdge(now, this.#frames);
    return edge === undefined;
  }

  /** Records that an edge has room on a lane. @param isNew Also for a frame that others had. */
  open(name: string, lane: number, { isNew = false, now }: { isNew?: boolean; now: number }): void {
    const edge = this.#edges.get(name) ?? this.#others;
    if (!edge) return;
    edge.lanes |= 1 << lane;
    if (!isNew) return;
    edge.wantsNewest = true;
    if (now - edge.servedAt >= MIN_REPEAT) edge.sequence = 0;
  }

  /** Whether a frame with this number, or a later one, was sent to an edge. */
  wasSent(name: string, sequence: number): boolean {
    return ((this.#edges.get(name) ?? this.#others)?.sequence ?? -1) >= sequence;
  }

  /** Removes an edge that has left. */
  remove(name: string): void {
    this.#edges.delete(name);
  }

  /** Removes the edges whose {@link LEASE} has expired. */
  expire(now: number): void {
    for (const [name, { renewedAt }] of this.#edges) {
      if (now - renewedAt >= LEASE) this.#edges.delete(name);
    }
  }

  /** Forgets where edges have room: after a loss of the connection they send their wants again. */
  closeLanes(): void {
    for (const edge of this.#all()) edge.lanes = 0;
  }

  /** Removes all edges. */
  clear(): void {
    this.#edges.clear();
    this.#others = undefined;
  }

  /**
   * Selects the lane for a frame: of those that are free, the one on which the most edges have room,
   * in particular edges that have waited long; equal lanes take turns. After {@link LONG_WAIT}
   * frames for others, an edge's lanes take turns with those of other such edges only, however many
   * edges have room on other lanes.
   *
   * A frame that was sent before is for edges that want the newest one. With `copies` it is also
   * for those that had no room on its first lane, on lanes where it reaches nobody twice.
   *
   * @returns Undefined if no edge has room.
   */
  select(sequence: number, options: SelectOptions): number | undefined {
    const { now, busy, isRepeat, copies } = options;
    const weights = new Array<number>(LANES).fill(0);
    let [served, newest] = [0, 0]; // lanes of edges that have received it, and that want it anyway
    let waiting = 0; // lanes of edges that have waited long
    for (const edge of this.#all()) {
      if (isRepeat && edge.sequence >= sequence) served |= edge.lanes;
      else if (!isRepeat || copies || edge.wantsNewest) {
        if (edge.wantsNewest) newest |= edge.lanes;
        if (this.#frames - edge.servedAfter >= LONG_WAIT) waiting |= edge.lanes;
        const weight = 1 + now - edge.servedAt;
        for (let lane = 0; lane < LANES; lane++) {
          if (edge.lanes & (1 << lane)) weights[lane]! += weight;
        }
      }
    }
    const unusable = busy | (served & ~newest);
    let selected: number | undefined;
    for (let i = 0; i < LANES; i++) {
      const lane = (this.#next + i) % LANES;
      if (unusable & (1 << lane) || weights[lane] === 0) continue;
      if (waiting & (1 << lane)) return lane;
      if (selected === undefined || weights[lane]! > weights[selected]!) selected = lane;
    }
    return selected;
  }

  /** Records that a frame was sent on a lane: it is for all edges with room there. */
  serve(lane: number, { sequence, now }: { sequence: number; now: number }): void {
    this.#next = (lane + 1) % LANES;
    this.#frames++;
    for (const edge of this.#all()) {
      if (!(edge.lanes & (1 << lane))) continue;
      edge.lanes &= ~(1 << lane);
      edge.sequence = sequence;
      edge.servedAt = now;
      edge.servedAfter = this.#frames;
      edge.wantsNewest = false;
    }
  }

  *#all(): Iterable<Edge> {
    yield* this.#edges.values();
    if (this.#others) yield this.#others;
  }
}

/** Options of {@link EdgeTable.select}. */
export interface SelectOptions {
  readonly now: number;
  /** The lanes with a frame on its way to the hub, as bits. */
  readonly busy: number;
  /** Whether the frame was sent before. */
  readonly isRepeat: boolean;
  /** Whether the uplink has room for sending it more than once. */
  readonly copies: boolean;
}

/** @param frames Number of frames that were sent so far. */
function createEdge(now: number, frames: number): Edge {
  const times = { renewedAt: now, servedAt: now, servedAfter: frames };
  return { ...times, sequence: 0, wantsNewest: false, lanes: 0 };
}
