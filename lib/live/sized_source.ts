import { CameraError } from "../errors.ts";
import type { Frame } from "../frame.ts";
import type { Failure, Subscriber } from "../hub/hub.ts";
import type { FeedCamera } from "./feed_camera.ts";

/** How long frames of the camera's own size wait for those of the requested size, in milliseconds. */
const MAX_WAIT = 500;
/** Minimum time between two attempts to get a size while the camera fails, in milliseconds. */
const RETRY_INTERVAL = 1_000;

/** Returns the feed with a camera's pictures of at least this height. */
export type OpenFeed = (height: number) => Promise<FeedCamera>;

/** Options of a {@link SizedSource}. */
export interface SizedSourceOptions {
  camera: FeedCamera;
  /** Undefined: there are only the camera's own pictures. */
  openFeed: OpenFeed | undefined;
  monotonic: () => number;
  onFrame: (frame: Frame) => void;
  /** Whether a frame is still used: see `Subscriber`. */
  holds: (frame: Frame) => boolean;
  /** Called before the first frame of another feed. */
  onSwitch: () => void;
  /** Called by the camera when there will be no more frames. */
  onEnd: () => void;
  /** Called when a size is not available: the camera's own pictures follow. */
  onSizeError: (height: number, error: unknown) => void;
}

/**
 * The frames of one camera in the size that a client has selected last. When that changes, the frames
 * of the size before go on until the first one of the new size. Meanwhile both feeds are joined.
 */
export class SizedSource {
  readonly #options: SizedSourceOptions;
  readonly #camera: FeedCamera;
  #height: number | undefined;
  /** The feed whose frames are delivered. */
  #current: Member | undefined;
  /** The feed whose first frame ends {@link #current}. */
  #next: Member | undefined;
  /** Identifies the request for a feed that is in progress. */
  #request: object | undefined;
  /** Whether frames of the camera's own size are held back, and since when there are any. */
  #isHeld = false;
  #heldSince: number | undefined;
  /** When to request the size again, once the camera delivers frames; undefined: if selected again. */
  #retryAt: number | undefined;
  #hasFailed = false;

  constructor(options: SizedSourceOptions) {
    this.#options = options;
    this.#camera = options.camera;
  }

  /** The feed whose frames are delivered. */
  get feed(): FeedCamera {
    return this.#current?.feed ?? this.#camera;
  }

  /** Whether the source is joined. */
  get joined(): boolean {
    return this.#current !== undefined;
  }

  /** Selects a height; undefined: the camera's own. The same again: requests it again if it failed. */
  select(height: number | undefined): void {
    if (height === this.#height && !this.#hasFailed) return;
    this.#height = height;
    if (this.joined) this.#openSelected();
  }

  /** Joins the camera at once, so that it starts, and then the feed of the selected size. */
  join(): void {
    if (this.joined) return;
    this.#isHeld = this.#height !== undefined && this.#options.openFeed !== undefined;
    this.#join((member) => this.#current = member, this.#camera);
    if (this.#height !== undefined) this.#openSelected();
  }

  /** Leaves all feeds. */
  leave(): void {
    const members = [this.#current, this.#next];
    this.#forgetRequest();
    this.#current = this.#next = undefined;
    for (const member of members) member?.leave();
  }

  /** Gets the feed of the selected size, and then switches to it. */
  #openSelected(): void {
    this.#forgetRequest();
    const { openFeed } = this.#options;
    if (this.#height === undefined || !openFeed) return this.#switchTo(this.#camera);
    void this.#open(openFeed, this.#height);
  }

  #forgetRequest(): void {
    this.#request = undefined;
    this.#retryAt = undefined;
    this.#hasFailed = false;
  }

  async #open(openFeed: OpenFeed, height: number): Promise<void> {
    const request = this.#request = {};
    try {
      const feed = await openFeed(height);
      if (this.#request !== request) return;
      this.#request = undefined;
      this.#switchTo(feed);
    } catch (error) {
      if (this.#request !== request) return;
      if (!(error instanceof CameraError)) return this.#fail(height, error);
      // The camera delivers nothing yet: that is not because of the size.
      this.#request = undefined;
      this.#retryAt = this.#options.monotonic() + RETRY_INTERVAL;
      this.#switchTo(this.#camera);
    }
  }

  /**
   * Delivers the camera's own pictures if those of the selected size cannot be made. A failure of the
   * camera itself does not count.
   */
  check(): void {
    const feed = this.#next?.feed ?? this.#current?.feed;
    if (!feed || feed === this.#camera || !feed.error || this.#camera.error) return;
    if (this.#height !== undefined) this.#fail(this.#height, feed.error);
  }

  /** Delivers the camera's own pictures instead of those of the selected size. */
  #fail(height: number, error: unknown): void {
    this.#forgetRequest();
    this.#hasFailed = true;
    this.#options.onSizeError(height, error);
    this.#switchTo(this.#camera);
  }

  #switchTo(feed: FeedCamera): void {
    if (!this.joined) return; // the camera has ended
    const next = this.#next;
    this.#next = undefined;
    next?.leave();
    if (feed === this.#current?.feed) return this.#release();
    this.#join((member) => this.#next = member, feed);
  }

  #join(store: (member: Member) => void, feed: FeedCamera): void {
    const member = new Member(feed, {
      offer: (frame) => this.#offer(member, frame),
      holds: this.#options.holds,
      end: (failure) => this.#end(member, failure),
    });
    store(member);
    feed.join(member);
  }

  /** Delivers the camera's own pictures from now on. */
  #release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    if (this.#camera.latest) this.#options.onFrame(this.#camera.latest);
  }

  #offer(member: Member, frame: Frame): void {
    if (member === this.#next) this.#promote(member);
    if (member !== this.#current) return;
    if (this.#retryAt !== undefined && this.#options.monotonic() >= this.#retryAt) {
      this.#openSelected();
    }
    if (!this.#isHeld) return this.#options.onFrame(frame);
    const now = this.#options.monotonic();
    this.#heldSince ??= now;
    if (now - this.#heldSince > MAX_WAIT) this.#release();
  }

  #promote(member: Member): void {
    const before = this.#current;
    this.#current = member;
    this.#next = undefined;
    this.#isHeld = false;
    this.#heldSince = undefined;
    before?.leave();
    this.#options.onSwitch();
  }

  #end(member: Member, failure: Failure | undefined): void {
    if (member !== this.#current && member !== this.#next) return;
    if (member.feed === this.#camera) {
      this.leave();
      return this.#options.onEnd();
    }
    if (member === this.#next) this.#next = undefined;
    else {
      this.#options.onSwitch();
      this.#join((own) => this.#current = own, this.#camera);
    }
    const isWanted = !this.#next && !this.#request && this.#height !== undefined;
    if (isWanted) this.#fail(this.#height!, failure?.reason ?? new Error("The pictures ended"));
  }
}

/** A place at a feed. */
class Member implements Subscriber<Frame> {
  readonly role = "viewer";
  readonly feed: FeedCamera;
  readonly offer: (frame: Frame) => void;
  readonly holds: (frame: Frame) => boolean;
  readonly end: (failure?: Failure) => void;

  constructor(
    feed: FeedCamera,
    { offer, holds, end }: Required<Pick<Subscriber<Frame>, "offer" | "holds" | "end">>,
  ) {
    this.feed = feed;
    this.offer = offer;
    this.holds = holds;
    this.end = end;
  }

  leave(): void {
    this.feed.leave(this);
  }
}
