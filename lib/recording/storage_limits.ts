import { type Clock, settlesWithin } from "../clock.ts";
import type { Log } from "../log.ts";
import { cuesSize } from "../matroska/mod.ts";
import { clusterCount } from "./completion.ts";
import { ClaimedBytes } from "./claimed_bytes.ts";
import { type Decision, type Deleted, Deletion } from "./deletion.ts";
import type { Disk } from "./disk.ts";
import { FreeSpace } from "./free_space.ts";
import type { Library } from "./library.ts";
import type { OpenSegment, Segment } from "./segment.ts";
import { RoomRequests } from "./room_requests.ts";
import { formatSize } from "./size_setting.ts";
import { type Replacement, type Storage, StorageError } from "./storage.ts";

/** Options of {@link StorageLimits}. */
export interface StorageLimitsOptions {
  /** Folder of the recordings. */
  readonly root: string;
  readonly disk: Pick<Disk, "remove" | "space" | "stat">;
  readonly library: Pick<
    Library,
    "loaded" | "totalBytes" | "cameras" | "segments" | "oldest" | "remove"
  >;
  /** Maximum size of all recordings, in bytes. */
  readonly max: number;
  /** Whether a mark keeps something between two times; see `Marks.keeps`. */
  readonly keeps: (camera: string, start: number, end: number) => Promise<boolean>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Time for which the first request waits until the sizes of all files are known. */
const LOAD_TIMEOUT = 2000;
/** The parts of the maximum that are held free: */
const RESERVE_PART = 1 / 64;
/** for the indexes of the days, which are written without a request, at most this many bytes; */
const MAX_INDEX_RESERVE = 1_000_000;
/** so that requests need not wait for a deletion, at most this many bytes. */
const MAX_HEAD_START = 16_000_000;
/** Minimum time between two checks of the free space, in milliseconds. */
const CHECK_INTERVAL = 1000;
/** Age up to which recordings stay when other files fill the disk, in milliseconds. */
const RECENT = 600_000;
/** Times around the present in which an open segment can be: it has an hour at most. */
const OPEN_PERIOD = 7_200_000;

/** Enforces the limits of the recordings' size by deleting the oldest segments. */
export class StorageLimits implements Storage {
  readonly #options: StorageLimitsOptions;
  readonly #free: FreeSpace;
  readonly #deletion: Deletion;
  readonly #loading: Promise<void>;
  #isLoaded = false;
  #loadTimeout: Promise<unknown> | undefined;
  #isLoadTimeOver = false;
  /** Maximum size of all files: `max`, or what the disk holds. */
  #limit: number;
  /** What the disk holds, at the last check. */
  #room = Infinity;
  readonly #claimed = new ClaimedBytes();
  readonly #requests: RoomRequests;
  #isMakingRoom = false;
  /** Until when no attempt is made to delete in advance, as nothing may be deleted. */
  #exhaustedUntil = -Infinity;
  /** Why nothing can be recorded, if the disk is full. */
  #full: string | undefined;
  #isRefused = false;
  #checking: Promise<void> | undefined;
  #checkedAt = -Infinity;
  #deletedSegments = 0;
  /** Days in which segments were deleted, as "camera/day". */
  readonly #emptiedDays = new Set<string>();
  #hasReachedLimit = false;
  #hasReachedFloor = false;

  constructor(options: StorageLimitsOptions) {
    this.#options = options;
    this.#limit = options.max;
    this.#free = new FreeSpace(options);
    this.#deletion = new Deletion({
      ...options,
      onDelete: ({ camera, day, bytes }) => {
        this.#emptiedDays.add(`${camera}/${day}`);
        this.#claimed.subtract(bytes);
        this.#free.countDeleted(bytes);
        this.#deletedSegments++;
      },
    });
    this.#requests = new RoomRequests({
      fits: (bytes) => this.#fits(bytes),
      claim: (bytes) => this.#claim(bytes),
    });
    this.#loading = this.#load();
  }

  /** Resolves when the sizes of all files are known, and the room on the disk. */
  get loaded(): Promise<void> {
    return this.#loading;
  }

  get capacity(): number {
    return Math.max(0, Math.min(this.#limit, this.#room));
  }

  get maxSegment(): number {
    const { capacity } = this;
    return Math.floor(Math.min(256_000_000, Math.max(1_000_000, capacity / 16), capacity / 4));
  }

  reserve(bytes: number): Promise<void> | undefined {
    if (!this.#isLoaded && !this.#isLoadTimeOver) return this.#reserveLoading(bytes);
    return this.#reserve(bytes);
  }

  release(bytes: number): void {
    this.#claimed.subtract(bytes);
    this.#free.count(-bytes);
    this.#requests.grant();
  }

  noSpace(): void {
    this.#isRefused = true;
    this.#checkSoon();
  }

  /**
   * Reads the free space of the disk. Deletes old segments if it is below the floor; if that does
   * not suffice, requests fail until there is space again.
   */
  check(): Promise<void> {
    this.#checking ??= this.#check().finally(() => this.#checking = undefined);
    return this.#checking;
  }

  /** Deletes the oldest segments; see {@link Deletion}. */
  deleteOldest(decide: Decision): Promise<Deleted> {
    return this.#deletion.deleteOldest(decide);
  }

  /** Returns the days in which segments were deleted since the last call, as "camera/day". */
  takeEmptiedDays(): string[] {
    const days = [...this.#emptiedDays];
    this.#emptiedDays.clear();
    return days;
  }

  /**
   * Requests room for the thinned copy of a segment, and prevents the deletion of the segment.
   *
   * @throws {StorageError} If there is no room.
   */
  async replace(old: Segment, bytes: number): Promise<Replacement> {
    const spared = await this.#deletion.spare(old);
    try {
      await this.reserve(bytes);
    } catch (error) {
      spared[Symbol.dispose]();
      throw error;
    }
    this.#claimed.temporary += bytes;
    let isReplaced = false;
    return {
      commit: () => {
        isReplaced = true;
        this.#claimed.subtract(old.bytes);
        this.#free.countDeleted(old.bytes);
      },
      [Symbol.dispose]: () => {
        this.#claimed.temporary -= bytes;
        if (!isReplaced) this.release(bytes);
        spared[Symbol.dispose]();
      },
    };
  }

  async #load(): Promise<void> {
    const { library, max, log } = this.#options;
    await library.loaded;
    await this.#free.measure().catch(() => {}); // the recorder reports that the disk is gone
    const open = await this.#openSegments().catch(() => []); // then it counts too much at first
    const recording = open.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#claimed.addRecorded(this.#recorded, { recording });
    this.#updateRoom();
    this.#limit = Math.max(0, Math.min(max, this.#room));
    this.#isLoaded = true;
    if (this.#limit < max) {
      const room = formatSize(this.#limit);
      log.warn(`RECORD_MAX is ${formatSize(max)}, but the disk has room for ${room}`);
    }
  }

  async #reserveLoading(bytes: number): Promise<void> {
    this.#loadTimeout ??= settlesWithin(this.#loading, LOAD_TIMEOUT, this.#options.clock);
    await this.#loadTimeout;
    this.#isLoadTimeOver = true;
    await this.#reserve(bytes);
  }

  #reserve(bytes: number): Promise<void> | undefined {
    if (this.#full) {
      this.#checkSoon();
      throw new StorageError(this.#full);
    }
    if (this.#requests.isEmpty && this.#fits(bytes)) {
      this.#claim(bytes);
      const needsRoom = this.#missing > 0 && this.#isLoaded;
      if (needsRoom && this.#now >= this.#exhaustedUntil) this.#makeRoom();
      return undefined;
    }
    if (bytes > this.#limit - this.#indexReserve) {
      throw new StorageError(this.#explain({ isKept: false, failure: undefined }));
    }
    const granted = this.#requests.add(bytes);
    this.#makeRoom();
    return granted;
  }

  #claim(bytes: number): void {
    this.#claimed.add(bytes);
    this.#free.count(bytes);
    // At a high rate, the floor could be passed before the next regular check.
    if (this.#free.writtenSince > this.#free.floor / 8) this.#checkSoon();
  }

  /** Deletes segments until there is room for all requests, and for some more. */
  async #makeRoom(): Promise<void> {
    if (this.#isMakingRoom) return;
    this.#isMakingRoom = true;
    try {
      while (this.#missing > 0) {
        const deleted = await this.#deletion.deleteOldest(() => {
          this.#requests.grant();
          return this.#missing > 0 ? "delete" : "stop";
        });
        this.#requests.grant();
        if (deleted.segments > 0) this.#logLimit();
        if (deleted.end !== "exhausted") continue;
        this.#exhaustedUntil = this.#now + CHECK_INTERVAL;
        this.#requests.refuse(new StorageError(this.#explain(deleted)));
        break;
      }
    } catch (error) {
      this.#exhaustedUntil = this.#now + CHECK_INTERVAL;
      const reason = error instanceof Error ? error.message : error;
      this.#requests.refuse(
        new StorageError(`Cannot delete old recordings: ${reason}`, { cause: error }),
      );
    } finally {
      this.#isMakingRoom = false;
    }
  }

  async #check(): Promise<void> {
    this.#checkedAt = this.#now;
    await this.#loading;
    try {
      await this.#free.measure();
    } catch {
      return; // the recorder reports that the disk is gone
    }
    await this.#correct();
    this.#updateRoom();
    this.#limit = Math.max(this.#limit, Math.min(this.#options.max, this.#room));
    const needed = this.#isBelowFloor() ? Infinity : this.#isRefused ? 1 : 0;
    this.#isRefused = false;
    if (needed > 0) await this.#deleteForFloor(needed);
    else this.#hasReachedFloor = false;
    this.#full = this.#isBelowFloor() ? this.#explainFull() : undefined;
    if (this.#full) this.#requests.refuse(new StorageError(this.#full));
  }

  /** Deletes old segments until enough space is free, at most `maxSegments`. */
  async #deleteForFloor(maxSegments: number): Promise<void> {
    const { clock, log } = this.#options;
    const before = this.#deletedSegments;
    for (let end = "batch"; end === "batch";) {
      ({ end } = await this.#deletion.deleteOldest((segment) => {
        const isEnough = maxSegments === Infinity
          ? !this.#isBelowFloor()
          : this.#deletedSegments - before >= maxSegments;
        // On a small disk, ten minutes may be more than it holds.
        const isRecent = clock.now() - (segment.recordedBy ?? segment.end) < RECENT &&
          this.#recorded - segment.bytes < this.#limit / 2;
        return isEnough || isRecent ? "stop" : "delete";
      }));
    }
    if (this.#deletedSegments > before && !this.#hasReachedFloor) {
      this.#hasReachedFloor = true;
      const { free, floor } = this.#free;
      log.warn("disk nearly full: oldest recordings are deleted", {
        free: formatSize(free),
        floor: formatSize(floor),
      });
    }
  }

  /** Corrects what is claimed by what is recorded; an open segment will need its cues. */
  async #correct(): Promise<void> {
    const open = await this.#openSegments();
    const cues = open.reduce((sum, { index }) => sum + cuesSize(clusterCount(index)), 0);
    this.#claimed.compare(this.#recorded + cues);
  }

  async #openSegments(): Promise<OpenSegment[]> {
    const { library, clock } = this.#options;
    const [from, to] = [clock.now() - OPEN_PERIOD, clock.now() + OPEN_PERIOD];
    const lists = await Promise.all(
      library.cameras.map((camera) => library.segments(camera, from, to)),
    );
    return lists.flat().filter((segment) => "index" in segment) as OpenSegment[];
  }

  #updateRoom(): void {
    this.#room = this.#recorded + this.#free.free - this.#free.floor;
  }

  #isBelowFloor(): boolean {
    return this.#free.shortage > 0 || this.#free.missingFiles > 0;
  }

  /** Whether a request can be granted now. */
  #fits(bytes: number): boolean {
    return this.#used + bytes <= this.#limit - this.#indexReserve;
  }

  /** Bytes to delete for the first request, and in advance for the next ones. */
  get #missing(): number {
    const headStart = Math.min(MAX_HEAD_START, this.#limit * RESERVE_PART);
    const wanted = this.#used + this.#requests.next;
    return wanted + headStart + this.#indexReserve - this.#limit;
  }

  get #used(): number {
    return Math.max(this.#claimed.bytes, this.#recorded);
  }

  /** Size of all files, in bytes. */
  get #recorded(): number {
    return this.#options.library.totalBytes;
  }

  get #indexReserve(): number {
    return Math.min(MAX_INDEX_RESERVE, this.#limit * RESERVE_PART);
  }

  get #now(): number {
    return this.#options.clock.monotonic();
  }

  /** Checks the free space now, unless that was done in the last second. */
  #checkSoon(): void {
    if (this.#now - this.#checkedAt >= CHECK_INTERVAL) this.check().catch(() => {}); // it is repeated
  }

  #logLimit(): void {
    if (this.#hasReachedLimit) return;
    this.#hasReachedLimit = true;
    const limit = formatSize(this.#limit);
    this.#options.log.info("maximum size reached: oldest recordings are deleted", { limit });
  }

  #explain({ failure, isKept }: Pick<Deleted, "failure" | "isKept">): string {
    const { max } = this.#options;
    if (failure) return `Cannot delete old recordings: ${failure}`;
    if (this.#limit < max) return this.#explainFull();
    const limit = `RECORD_MAX (${formatSize(max)})`;
    return isKept
      ? `Recordings that marks keep fill ${limit}: raise RECORD_MAX`
      : `The segments that are being recorded fill ${limit}: raise RECORD_MAX`;
  }

  #explainFull(): string {
    const { free, floor, shortage } = this.#free;
    if (shortage <= 0 && this.#free.missingFiles > 0) {
      return "The disk is full: it cannot hold more files; delete files";
    }
    return `The disk is full: ${formatSize(free)} free, at least ${formatSize(floor)} stay free; ` +
      "delete files";
  }
}
