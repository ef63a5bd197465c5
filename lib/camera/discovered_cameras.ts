import { isCameraName } from "../env.ts";
import { CameraError, ConfigError } from "../errors.ts";
import type { Camera } from "./camera.ts";
import type { DiscoveredCamera } from "./driver.ts";

/** Maximum number of cameras that a driver can discover. */
const MAX_CAMERAS = 256;
/** Maximum number of ignored cameras that are remembered, so that each is reported once. */
const MAX_REPORTED = 256;

/** Options of {@link DiscoveredCameras}. */
export interface DiscoveredCamerasOptions {
  /** Creates a camera. @throws {ConfigError} If its settings are invalid. */
  readonly create: (camera: DiscoveredCamera) => Camera;
  /** Closes a camera that has left the list for good. */
  readonly close: (camera: Camera, reason: CameraError) => void;
  /** Whether another camera in the list has this name, in any case. */
  readonly isTaken: (name: string) => boolean;
  /** Whether a camera stays in the list although it has disappeared. */
  readonly keeps: (camera: Camera) => boolean;
  readonly onAppeared: (camera: Camera) => void;
  readonly onDisappeared: (camera: Camera) => void;
  /** Called once for each name that is ignored. */
  readonly onIgnored: (name: string, reason: string) => void;
}

/** A camera that was discovered. */
interface Entry {
  readonly camera: Camera;
  readonly source: string;
  /** Whether it is in the list. Otherwise it has disappeared, and still has viewers. */
  listed: boolean;
}

/** The cameras of one driver that discovers them: creates them, and closes those that are gone. */
export class DiscoveredCameras {
  readonly #options: DiscoveredCamerasOptions;
  /** Names and sources that the driver has discovered. */
  #discovered: ReadonlyMap<string, string> = new Map();
  readonly #entries = new Map<string, Entry>();
  /** Names of ignored cameras, and why. The oldest first. */
  readonly #reported = new Map<string, string>();

  constructor(options: DiscoveredCamerasOptions) {
    this.#options = options;
  }

  /** The cameras in the list, sorted by name. */
  get listed(): Camera[] {
    return [...this.#entries.values()].filter(({ listed }) => listed).map(({ camera }) => camera)
      .sort((a, b) => a.name < b.name ? -1 : 1);
  }

  /** Whether a camera in the list has this name, in any case. @param lower In lower case. */
  lists(lower: string): boolean {
    for (const [name, { listed }] of this.#entries) {
      if (listed && name.toLowerCase() === lower) return true;
    }
    return false;
  }

  /** All cameras, also those that are not in the list. */
  get all(): Camera[] {
    return [...this.#entries.values()].map(({ camera }) => camera);
  }

  /** Whether there are cameras that have disappeared, and are still open. */
  get waits(): boolean {
    return [...this.#entries].some(([name, { source }]) => this.#discovered.get(name) !== source);
  }

  /** Sets the cameras that the driver has discovered. {@link update} follows. */
  set discovered(cameras: readonly DiscoveredCamera[]) {
    this.#discovered = new Map(cameras.map(({ name, source }) => [name, source]));
  }

  /** Removes cameras that have disappeared, unless they are to be kept. */
  removeGone(): void {
    for (const [name, entry] of this.#entries) {
      const source = this.#discovered.get(name);
      if (source === entry.source) continue;
      const { camera } = entry;
      // A camera with another source is another camera.
      if (source === undefined && entry.listed && this.#options.keeps(camera)) continue;
      if (entry.listed) this.#options.onDisappeared(camera);
      entry.listed = false;
      if (source === undefined && camera.stats().viewers > 0) continue;
      this.#entries.delete(name);
      this.#options.close(camera, new CameraError(`Camera "${name}" has disappeared`));
    }
  }

  /** Adds cameras that have appeared. */
  addNew(): void {
    const names = [...this.#discovered.keys()].sort();
    for (const name of names) {
      const known = this.#entries.get(name);
      if (known?.listed) continue;
      try {
        this.#requireName(name);
        const source = this.#discovered.get(name)!;
        const camera = known?.camera ?? this.#options.create({ name, source });
        this.#entries.set(name, { camera, source, listed: true });
        this.#options.onAppeared(camera);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        this.#report(name, error.message);
      }
    }
  }

  /** @throws {ConfigError} If a camera cannot have this name. */
  #requireName(name: string): void {
    if (!isCameraName(name)) {
      throw new ConfigError("its name is not 1 to 64 letters, digits and hyphens");
    }
    if (this.#options.isTaken(name)) throw new ConfigError("another camera has its name");
    if (!this.#entries.has(name) && this.#entries.size >= MAX_CAMERAS) {
      throw new ConfigError(`the driver's limit of ${MAX_CAMERAS} cameras is reached`);
    }
  }

  #report(name: string, reason: string): void {
    if (this.#reported.get(name) === reason) return;
    this.#reported.delete(name);
    this.#reported.set(name, reason);
    const [oldest] = this.#reported.keys();
    if (this.#reported.size > MAX_REPORTED) this.#reported.delete(oldest!);
    this.#options.onIgnored(name, reason);
  }
}
