import type { Camera } from "../camera/camera.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { printable } from "../quote.ts";
import { ActiveRecording } from "./active_recording.ts";
import { FileSystemDisk } from "./file_system.ts";
import { openFolder } from "./folder_lock.ts";
import { MarkFiles } from "./marks.ts";
import { Recorder } from "./recorder.ts";
import type { Recording } from "./recording.ts";
import type { CameraSound } from "../sound_packet.ts";
import { Retention } from "./retention.ts";
import type { RetentionPeriods } from "./retention_setting.ts";
import { SegmentLibrary } from "./segment_library.ts";
import { formatSize } from "./size_setting.ts";
import { StorageLimits } from "./storage_limits.ts";

/** Options of {@link openRecording}. */
export interface RecordingOptions {
  /** Folder of the recordings. It is created if its parent exists. */
  readonly dir: string;
  /** Maximum size of all recordings, in bytes. */
  readonly maxBytes: number;
  /** How long recordings are kept; without it, only their size is limited. */
  readonly retention?: RetentionPeriods;
  /** The cameras to record. */
  readonly cameras: readonly {
    readonly camera: Camera;
    /** Maximum number of frames per second; all without it. */
    readonly fps?: number;
    /** Its sound, if that is recorded too: the microphone then runs all the time. */
    readonly sound?: CameraSound;
  }[];
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Opens a folder of recordings for this process, and starts to record in it: when the folder has
 * been read, and for as long as the result is not disposed of.
 *
 * @throws {ConfigError} If the folder cannot be used, or another server records there.
 */
export async function openRecording(
  { dir, maxBytes, retention, cameras, ...common }: RecordingOptions,
): Promise<Recording> {
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
  const names = cameras.map(({ camera }) => camera.name);
  const old = stack.use(
    new Retention({ ...shared, library, storage, marks, retention, cameras: names }),
  );
  const recorders = cameras.map(({ camera, fps, sound }, i) => {
    const syncOffset = Math.round(i * 1000 / cameras.length); // not all at once
    return new Recorder({ ...shared, camera, library, storage, fps, sound, syncOffset });
  });
  stack.defer(async () => {
    await Promise.all(recorders.map((recorder) => recorder[Symbol.asyncDispose]()));
  });
  const recording = new ActiveRecording({
    ...common,
    library,
    marks,
    storage,
    cameras: cameras.map((one, i) => ({ ...one, recorder: recorders[i]! })),
    retention,
    startRetention: () => old.start(),
    summary: await describe(disk, { root, maxBytes, cameras }),
  });
  recording.use(stack.move());
  recording.start();
  return recording;
}

/** Describes what is recorded and where, for the banner. */
async function describe(
  disk: FileSystemDisk,
  { root, maxBytes, cameras }:
    & Pick<RecordingOptions, "cameras" | "maxBytes">
    & { readonly root: string },
): Promise<string> {
  const space = await disk.space(root).catch(() => undefined); // recording will say why
  const free = space ? `, ${formatSize(space.free)} free on the disk` : "";
  const names = cameras.map(({ camera: { name }, sound }) => sound ? `${name} with sound` : name);
  const what = names.length > 0 ? `Recording ${names.join(", ")}` : "Recording no camera";
  return printable(`${what} in ${root}: at most ${formatSize(maxBytes)}${free}`);
}
