import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { ActiveRecording } from "./active_recording.ts";
import { FileSystemDisk } from "./file_system.ts";
import { openFolder } from "./folder_lock.ts";
import { MarkFiles } from "./marks.ts";
import { MemoryLimit } from "./memory_limit.ts";
import { Recorder } from "./recorder.ts";
import type { MutableRecording } from "./recording.ts";
import { Retention } from "./retention.ts";
import type { RetentionPeriods } from "./retention_setting.ts";
import { SegmentLibrary } from "./segment_library.ts";
import { formatSize } from "./size_setting.ts";
import { StorageLimits } from "./storage_limits.ts";

/** Maximum size of the frames of all cameras that wait for the disk, in bytes. */
const MAX_QUEUES = 256 * 1024 * 1024;

/** Options of {@link openRecording}. */
export interface RecordingOptions {
  /** Folder of the recordings. It is created if its parent exists. */
  readonly dir: string;
  /** Maximum size of all recordings, in bytes. */
  readonly maxBytes: number;
  /** How long recordings are kept; without it, only their size is limited. */
  readonly retention?: RetentionPeriods;
  /**
   * Cameras that are recorded when they appear: all, or these names. For the summary; the caller
   * adds them.
   */
  readonly expected?: "all" | readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Opens a folder of recordings for this process, and begins to read it. Cameras that are added to
 * the result are recorded when it has been read, and for as long as the result is not disposed of.
 *
 * @throws {ConfigError} If the folder cannot be used, or another server records there.
 */
export async function openRecording(
  { dir, maxBytes, retention, expected = [], ...common }: RecordingOptions,
): Promise<MutableRecording> {
  await using stack = new AsyncDisposableStack();
  const root = dir.replace(/(?<=.)\/+$/, "");
  const disk = new FileSystemDisk();
  const shared = { ...common, root, disk };
  stack.use(openFolder(root, common));
  const library = stack.use(new SegmentLibrary(shared));
  // Storage and marks need each other, but not before the first mark.
  const storage: StorageLimits = new StorageLimits({
    ...shared,
    library,
    max: maxBytes,
    keeps: (camera, start, end) => marks.keeps(camera, start, end),
  });
  const account = library.account.bind(library);
  const marks = new MarkFiles({ ...shared, storage, account });
  const records = (camera: string): boolean => recording.records(camera);
  const old = stack.use(new Retention({ ...shared, library, storage, marks, retention, records }));
  const memory = new MemoryLimit(MAX_QUEUES);
  const recording: ActiveRecording = new ActiveRecording({
    ...common,
    library,
    marks,
    storage,
    createRecorder: (camera, options) =>
      new Recorder({ ...shared, ...options, camera, library, storage, memory }),
    expected,
    place: await describePlace(disk, { root, maxBytes }),
    retention,
    startRetention: () => old.start(),
  });
  recording.use(stack.move());
  recording.start();
  return recording;
}

/** Describes where recordings are stored, for the summary. */
async function describePlace(
  disk: FileSystemDisk,
  { root, maxBytes }: Pick<RecordingOptions, "maxBytes"> & { readonly root: string },
): Promise<string> {
  const space = await disk.space(root).catch(() => undefined); // recording will say why
  const free = space ? `, ${formatSize(space.free)} free on the disk` : "";
  return `in ${root}: at most ${formatSize(maxBytes)}${free}`;
}
