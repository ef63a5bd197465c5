import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertLess,
  assertLessOrEqual,
  assertMatch,
} from "@std/assert";
import { figure, footprintOf, percentile, rounded } from "../faults/figures.ts";
import { pause, RawViewer } from "../faults/viewer.ts";
import { eventually, type Server } from "../server.ts";
import { TestDisk } from "./disks.ts";
import {
  assertGapless,
  lostByCamera,
  readRecording,
  type RecordedFrame,
  recordingOf,
  type RecordingState,
  startRecording,
} from "./recording_server.ts";

/** Ages of the frames that a viewer gets in a time. */
class Observer implements AsyncDisposable {
  readonly #viewer: RawViewer;
  readonly #reading: Promise<unknown>;

  private constructor(viewer: RawViewer) {
    this.#viewer = viewer;
    this.#reading = viewer.readUntil(() => false);
  }

  static async watch(server: Server): Promise<Observer> {
    return new Observer(await RawViewer.watch(server.url));
  }

  /** Forgets what it has seen, and runs something. */
  async during(task: () => Promise<unknown>) {
    this.#viewer.ages.length = this.#viewer.skipped = 0;
    const begun = performance.now();
    await task();
    const took = performance.now() - begun;
    const { ages, skipped } = this.#viewer;
    return { late: percentile(ages, 0.99), skipped, fps: ages.length / took * 1000 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#viewer[Symbol.dispose]();
    await this.#reading;
  }
}

/** Repeats a measurement until it is disposed of. */
function every(ms: number, measure: () => Promise<void>): Disposable {
  const timer = setInterval(() => measure().catch(() => {}), ms); // the server may have exited
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Waits for a state of the recording. @returns It, and how long it took in milliseconds. */
async function become(
  server: Server,
  state: RecordingState["state"],
  ms: number,
): Promise<RecordingState & { took: number }> {
  const begun = performance.now();
  let last: RecordingState | undefined;
  try {
    await eventually(
      `recording is ${state}`,
      async () => (last = await recordingOf(server)).state === state,
      ms,
    );
  } catch (error) {
    throw new Error(`${(error as Error).message}, but ${JSON.stringify(last)}\n${server.output}`);
  }
  return { ...last!, took: performance.now() - begun };
}

/**
 * Asserts that exactly the frames are missing that the recorder has dropped, and those that the
 * camera did not deliver.
 */
async function assertMissing(
  frames: readonly RecordedFrame[],
  dropped: number,
  journal: string,
): Promise<void> {
  const numbers = frames.map(({ number }) => number);
  assertEquals(numbers, numbers.toSorted((a, b) => a - b));
  assertEquals(new Set(numbers).size, numbers.length);
  const missing = numbers.at(-1)! - numbers[0]! + 1 - numbers.length;
  assertGreaterOrEqual(missing, dropped);
  assertLessOrEqual(missing, dropped + await lostByCamera(journal));
}

/** Fills the disk while the server records, and empties it again. */
export async function checkFullDisk(): Promise<void> {
  await using disk = await TestDisk.inMemory(8);
  await using server = await startRecording(disk.folder, {
    FAKE_CAMERA_SIZE: "20000",
    FAKE_CAMERA_LOG: disk.journal,
  });
  await become(server, "recording", 5_000);
  await using observer = await Observer.watch(server);
  await pause(1_000);
  const before = await observer.during(() => pause(1_500));
  const during = await observer.during(async () => {
    await disk.fill(100_000);
    const { reason, took } = await become(server, "paused", 3_000);
    figure("paused after the disk is full", `${rounded(took)} ms: ${reason}`, "1000 ms");
    assertMatch(reason!, /^The disk is full/);
    assertLess(took, 1_000);
    await pause(500);
  });
  const paused = await readRecording(disk.folder);
  assertGapless(paused.frames, 6); // a busy machine may make the camera lose some
  await disk.empty();
  const { took } = await become(server, "recording", 12_000);
  figure("recording after there is space", `${rounded(took / 1000)} s`, "10 s");
  assertLess(took, 10_000);
  await pause(500);
  figure(
    "age of live frames, 99th percentile, before and with a full disk",
    `${rounded(before.late)} and ${rounded(during.late)} ms`,
  );
  assertEquals(during.skipped, 0);
  await observer[Symbol.asyncDispose]();
  const { dropped } = await recordingOf(server);
  assertEquals((await server.stop()).code, 0);
  const { frames, open } = await readRecording(disk.folder);
  assertEquals(open, []);
  await assertMissing(frames, dropped, disk.journal);
}

/** Makes the disk read-only while the server records. */
export async function checkReadOnlyDisk(): Promise<void> {
  await using disk = await TestDisk.inFile(64);
  await using server = await startRecording(disk.folder, {
    FAKE_CAMERA_SIZE: "20000",
    FAKE_CAMERA_LOG: disk.journal,
  });
  await become(server, "recording", 5_000);
  await using observer = await Observer.watch(server);
  await pause(1_000);
  const before = await observer.during(() => pause(1_500));
  const { frames: acknowledged } = await recordingOf(server);
  const during = await observer.during(async () => {
    await disk.abort();
    const { reason, took } = await become(server, "paused", 5_000);
    figure("paused after the disk is read-only", `${rounded(took)} ms: ${reason}`, "1000 ms");
    assertMatch(reason!, /read-only/);
    assertLess(took, 2_000);
    await pause(1_000);
  });
  figure(
    "age of live frames, 99th percentile, before and with a read-only disk",
    `${rounded(before.late)} and ${rounded(during.late)} ms`,
  );
  assertEquals(during.skipped, 0);
  await observer[Symbol.asyncDispose]();
  const { frames } = await readRecording(disk.folder);
  assertGapless(frames, 6); // a busy machine may make the camera lose some
  assertLessOrEqual(acknowledged, frames.length);
  assertEquals((await server.stop()).code, 0);
}

/** Takes the disk away while the server records, and connects it again. */
export async function checkMissingDisk(): Promise<void> {
  await using disk = await TestDisk.inMemory(64);
  await using server = await startRecording(disk.folder, {
    FAKE_CAMERA_SIZE: "20000",
    FAKE_CAMERA_LOG: disk.journal,
  });
  await become(server, "recording", 5_000);
  await using observer = await Observer.watch(server);
  await pause(1_000);
  await disk.disconnect();
  const { reason, took } = await become(server, "paused", 20_000);
  figure("paused after the disk is gone", `${rounded(took / 1000)} s: ${reason}`);
  assertMatch(reason!, /gone/);
  const beneath = await Array.fromAsync(Deno.readDir(disk.folder));
  assertEquals(beneath, [], "nothing is written to the disk beneath");
  const during = await observer.during(() => pause(2_000));
  assertEquals(during.skipped, 0);
  await disk.connect();
  const again = await become(server, "recording", 15_000);
  figure("recording after the disk is back", `${rounded(again.took / 1000)} s`, "10 s");
  assertLess(again.took, 11_000);
  await observer[Symbol.asyncDispose]();
  assertEquals((await server.stop()).code, 0);
  const { frames, open } = await readRecording(disk.folder);
  assertEquals(open.length <= 1, true, "all but the segment of the missing disk are closed");
  assertLess(30, frames.length);
}

/** Removes the folder of the recordings while the server records. */
export async function checkRemovedFolder(): Promise<void> {
  await using disk = await TestDisk.inMemory(64);
  const folder = `${disk.folder}/recordings`;
  await Deno.mkdir(folder);
  await using server = await startRecording(folder, { FAKE_CAMERA_SIZE: "20000" });
  await become(server, "recording", 5_000);
  await using observer = await Observer.watch(server);
  const during = await observer.during(async () => {
    await pause(1_000);
    await Deno.remove(folder, { recursive: true });
    const { reason, took } = await become(server, "paused", 20_000);
    figure("paused after the folder was removed", `${rounded(took / 1000)} s: ${reason}`);
    assertMatch(reason!, /gone/);
  });
  assertEquals(during.skipped, 0);
  assertEquals((await server.stop()).code, 0);
}

/**
 * Freezes the disk for 5 s while the server records: every write and every sync hangs.
 *
 * @param size Size of a frame, in bytes; at 30 frames per second.
 * @param overflows Whether more arrives meanwhile than the recorder holds.
 */
export async function checkHangingDisk(size: number, overflows: boolean): Promise<void> {
  await using disk = await TestDisk.inFile(512);
  await using server = await startRecording(disk.folder, {
    FAKE_CAMERA_SIZE: `${size}`,
    FAKE_CAMERA_LOG: disk.journal,
    WIDTH: "1280",
    HEIGHT: "720",
  });
  await become(server, "recording", 5_000);
  await using observer = await Observer.watch(server);
  await pause(3_000);
  const memory = (await footprintOf(server.pid)).memory;
  const before = await observer.during(() => pause(5_000));
  let peak = 0;
  using _measuring = every(200, async () => {
    peak = Math.max(peak, (await footprintOf(server.pid)).memory);
  });
  const during = await observer.during(async () => {
    await disk.freeze();
    try {
      await pause(5_000);
      await become(server, "paused", 2_000); // an operation that takes 5 s is noticed within 1 s
      const { state, reason, dropped } = await recordingOf(server);
      figure("while the disk hangs", `${state}, ${dropped} frames dropped: ${reason}`);
      assertEquals(state, "paused");
      assertMatch(reason!, /^The disk /);
      assert(overflows === dropped > 0);
    } finally {
      await disk.thaw(); // otherwise the server could not even be killed
    }
  });
  await become(server, "recording", 10_000);
  await pause(1_500);
  await observer[Symbol.asyncDispose]();
  const { dropped } = await recordingOf(server);
  assertEquals((await server.stop()).code, 0);
  const { frames, open } = await readRecording(disk.folder);
  assertEquals(open, []);
  figure(
    "age of live frames, 99th percentile, before and with a hanging disk",
    `${rounded(before.late)} and ${rounded(during.late)} ms`,
    "+ 2 ms",
  );
  figure("additional memory", `${rounded(peak - memory)} MB`, "34 MB");
  figure("frames dropped", dropped, overflows ? "more than 0" : "0");
  assert(overflows === dropped > 0);
  await assertMissing(frames, dropped, disk.journal);
  assertEquals(during.skipped, 0);
  assertLess(during.late, before.late + 10); // the test's own viewer shares the machine
  assertLess(peak - memory, 60);
}
