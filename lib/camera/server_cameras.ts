import type { Clock } from "../clock.ts";
import { type CameraError, explain } from "../errors.ts";
import type { Events } from "../events.ts";
import type { Fields, Log } from "../log.ts";
import { LogLimiter } from "../log_limiter.ts";
import { shorten } from "../quote.ts";
import type { Camera } from "./camera.ts";
import { type CameraList, MutableCameraList } from "./camera_list.ts";
import { DiscoveredCameras } from "./discovered_cameras.ts";
import { Discovery } from "./discovery.ts";
import type { DiscoveredCamera } from "./driver.ts";
import type { CameraEvent } from "./events.ts";

/** Interval in which cameras that have disappeared are checked for viewers, in milliseconds. */
const CHECK_INTERVAL = 5_000;
/** Maximum number of log lines per minute about the cameras that a driver discovers. */
const MAX_LINES = 100;

/** Options of {@link ServerCameras}. */
export interface ServerCamerasOptions {
  readonly clock: Clock;
  readonly events: Events<CameraEvent>;
  readonly log: Log;
  /** The cameras that capture `SMALL_SOURCE`, by the names of configured cameras. @default {none} */
  readonly small?: ReadonlyMap<string, Camera>;
}

/** How {@link ServerCameras} discovers cameras. */
export interface GroupOptions {
  /** Name of the driver. */
  readonly driver: string;
  /** See `CameraGroup.position`. */
  readonly position: number;
  /** Calls the driver's `discover`. */
  readonly discover: (signal: AbortSignal) => unknown;
  /** Hides the secrets of the settings in the driver's own messages. */
  readonly redact: (text: string) => string;
  /** See `CameraDriver.noCameraReason`. */
  readonly emptyReason: () => string;
  /** Creates a camera. @throws {ConfigError} If its settings are invalid. */
  readonly create: (camera: DiscoveredCamera) => Camera;
}

interface Group {
  readonly position: number;
  readonly emptyReason: () => string;
  readonly discovery: Discovery;
  readonly cameras: DiscoveredCameras;
}

/**
 * All cameras of the server: those that `CAMERA` names, and those that drivers discover, from their
 * appearance to their disappearance. Owns the cameras.
 */
export class ServerCameras implements CameraList {
  /** The cameras that `CAMERA` names; they never leave the list. */
  readonly configured: readonly Camera[];

  readonly #list: MutableCameraList;
  readonly #groups: Group[] = [];
  readonly #options: ServerCamerasOptions;
  readonly #limiter: LogLimiter;
  readonly #closing = new AbortController();
  /** Cameras that are being closed. */
  readonly #closings = new Set<Promise<void>>();
  #keeps: (camera: Camera) => boolean = () => false;
  #isChecking = false;

  constructor(
    configured: readonly Camera[],
    options: ServerCamerasOptions,
  ) {
    this.configured = configured;
    this.#options = options;
    this.#list = new MutableCameraList(configured);
    const { clock, log } = options;
    this.#limiter = new LogLimiter({
      clock,
      maxLines: MAX_LINES,
      onSuspend: (driver, seconds) => log.warn("discovery events not logged", { driver, seconds }),
      onResume: (driver, suppressed) =>
        log.info("discovery events logged again", { driver, suppressed }),
    });
  }

  /** See {@link CameraList.all}. */
  get all(): readonly Camera[] {
    return this.#list.all;
  }

  /** See {@link CameraList.emptyReason}. */
  get emptyReason(): string | undefined {
    if (this.#groups.length === 0) return undefined;
    return this.#groups.map(({ discovery, emptyReason }) =>
      discovery.error?.message ?? emptyReason()
    )
      .join("; ");
  }

  /** See {@link CameraList.subscribe}. */
  subscribe(onChange: () => void): Disposable {
    return this.#list.subscribe(onChange);
  }

  /** Returns the camera that captures the second, smaller stream of a camera. It is in no list. */
  smallSourceOf(camera: Camera): Camera | undefined {
    return this.configured.includes(camera) ? this.#options.small?.get(camera.name) : undefined;
  }

  /** Sets which discovered cameras stay in the list although they have disappeared. */
  keep(keeps: (camera: Camera) => boolean): void {
    this.#keeps = keeps;
  }

  /** Adds a driver that discovers cameras. {@link start} follows. */
  discover({ driver, position, emptyReason, create, ...options }: GroupOptions): void {
    const log = this.#limitedLog(driver);
    const cameras = new DiscoveredCameras({
      create,
      close: (camera, reason) => this.#close(camera, reason),
      isTaken: (name) => this.#isTaken(name),
      keeps: (camera) => this.#keeps(camera),
      onAppeared: (camera) => this.#report("camera appeared", camera),
      onDisappeared: (camera) => this.#report("camera disappeared", camera),
      onIgnored: (name, reason) =>
        log.warn("camera ignored", { camera: shorten(name), driver, reason }),
    });
    const onCameras = (discovered: readonly DiscoveredCamera[]) => {
      cameras.discovered = discovered;
      this.#update();
    };
    const { clock } = this.#options;
    const discovery = new Discovery({ ...options, driver, onCameras, clock, log });
    this.#groups.push({ position, emptyReason, discovery, cameras });
  }

  /** Starts to discover cameras. @throws {ConfigError} If a driver refuses its settings. */
  start(): void {
    for (const { discovery } of this.#groups) discovery.start();
  }

  /**
   * Closes all cameras, also those that have disappeared; no other appears.
   *
   * @param reason See {@link Camera.close}.
   */
  async close(reason?: unknown): Promise<void> {
    this.#closing.abort();
    this.#limiter[Symbol.dispose]();
    const discovered = this.#groups.flatMap(({ cameras }) => cameras.all);
    const small = this.#options.small?.values() ?? [];
    await Promise.all([
      ...this.#groups.map(({ discovery }) => discovery.close()),
      ...[...this.configured, ...discovered, ...small].map((camera) => camera.close(reason)),
      ...this.#closings,
    ]);
  }

  /** Removes and adds cameras, as the drivers have discovered them. */
  #update(): void {
    if (this.#closing.signal.aborted) return;
    // First all removals: they free names.
    for (const { cameras } of this.#groups) cameras.removeGone();
    for (const { cameras } of this.#groups) cameras.addNew();
    this.#list.set(this.#inOrder());
    if (this.#groups.some(({ cameras }) => cameras.hasDisappeared)) this.#checkLater();
  }

  /** All cameras in the order of `CAMERA`. */
  #inOrder(): Camera[] {
    const all = [...this.configured];
    // From the end, so that the positions before it stay.
    for (const { position, cameras } of this.#groups.toReversed()) {
      all.splice(position, 0, ...cameras.listed);
    }
    return all;
  }

  /** Checks again later whether cameras that have disappeared are still needed. */
  async #checkLater(): Promise<void> {
    if (this.#isChecking) return;
    this.#isChecking = true;
    try {
      await this.#options.clock.sleep(CHECK_INTERVAL, this.#closing.signal);
    } catch {
      return; // the cameras are being closed
    }
    this.#isChecking = false;
    this.#update();
  }

  #isTaken(name: string): boolean {
    const lower = name.toLowerCase();
    return this.configured.some((camera) => camera.name.toLowerCase() === lower) ||
      this.#groups.some(({ cameras }) => cameras.lists(lower));
  }

  #close(camera: Camera, reason: CameraError): void {
    const closing = camera.close(reason).catch((error) => {
      this.#options.log.error("camera not closed", { camera: camera.name, reason: explain(error) });
    }).finally(() => this.#closings.delete(closing));
    this.#closings.add(closing);
  }

  #report(type: "camera appeared" | "camera disappeared", { name, driver }: Camera): void {
    this.#options.events.emit({ type, camera: name, driver });
  }

  /** Limits the number of lines that a driver's discoveries can produce. */
  #limitedLog(driver: string): Log {
    const { log } = this.#options;
    const limit = (level: keyof Log) => (event: string, fields?: Fields) => {
      if (this.#limiter.allow(driver)) log[level](event, fields);
    };
    return { info: limit("info"), warn: limit("warn"), error: limit("error") };
  }
}
