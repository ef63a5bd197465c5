import type { CameraConfig } from "../config.ts";
import type { Events } from "../events.ts";
import type { PictureSettings } from "../pixels/settings.ts";
import { sourceRedactor } from "../redact.ts";
import { Camera } from "./camera.ts";
import { type CameraGroup, discovers } from "./camera_groups.ts";
import type { DiscoveredCamera } from "./driver.ts";
import type { CameraEvent } from "./events.ts";
import { type ConfiguredDriver, configureDriver, openDriver } from "./open.ts";
import { pictureEdit } from "./picture_edit.ts";
import type { DriverRegistry } from "./registry.ts";
import { ServerCameras, type ServerCamerasOptions } from "./server_cameras.ts";
import {
  orSmallSourceError,
  smallSourceConfig,
  smallSourceName,
  smallSourceOf,
} from "./small_source.ts";

/** What a {@link Camera} needs besides its driver. */
export interface CameraOptionsFromConfig
  extends Pick<CameraConfig, "name" | "driver" | "idleTimeout" | "env"> {
  /** What is changed in its pictures. It is required, so that no mask is forgotten. */
  readonly picture: PictureSettings;
}

/** Reads the settings of a discovered camera. @throws {ConfigError} If a value is invalid. */
export type ReadCamera = (
  camera: DiscoveredCamera & { readonly driver: string },
) => CameraOptionsFromConfig;

/** Options of {@link openCameras}. */
export interface OpenCamerasOptions extends Omit<ServerCamerasOptions, "small"> {
  /** The configured cameras. */
  readonly cameras: readonly CameraOptionsFromConfig[];
  readonly groups: readonly CameraGroup[];
  readonly drivers: DriverRegistry;
  readonly readCamera: ReadCamera;
}

/**
 * Creates the configured cameras, and starts to discover others.
 *
 * @throws {ConfigError} If a driver or a value is invalid.
 */
export async function openCameras(options: OpenCamerasOptions): Promise<ServerCameras> {
  const { drivers, groups, events } = options;
  const small = await openSmallSources(options);
  const configured = await Promise.all(options.cameras.map(async (config) => {
    const driver = await openDriver(config, drivers, reportExcess(events, config.name));
    return { config, driver };
  }));
  const loaded = await Promise.all(groups.map(({ driver }) => drivers.load(driver)));
  const create = (config: CameraOptionsFromConfig, driver: ConfiguredDriver) =>
    createCamera(config, driver, options);
  const cameras = new ServerCameras(
    configured.map(({ config, driver }) => create(config, driver)),
    { ...options, small },
  );
  groups.forEach((group, i) => {
    const driver = loaded[i]!;
    if (!discovers(driver)) return;
    const { driver: name, env, position } = group;
    cameras.discover({
      driver: name,
      position,
      discover: (signal) => driver.discover(env, signal),
      redact: (text) => sourceRedactor(env).redact(text),
      emptyReason: () => driver.noCameraReason ?? `CAMERA=${name} finds none`,
      create: (found) => {
        const config = options.readCamera({ ...found, driver: name });
        const isBuiltIn = drivers.isBuiltIn(name);
        const onExcess = reportExcess(events, found.name);
        return create(
          config,
          configureDriver(driver, { name, env: config.env, isBuiltIn, onExcess }),
        );
      },
    });
  });
  try {
    cameras.start();
  } catch (error) {
    await cameras.close();
    throw error;
  }
  return cameras;
}

/** Creates the cameras that capture `SMALL_SOURCE`, by the names of the cameras that have one. */
async function openSmallSources(
  { cameras, drivers, readCamera, ...common }: OpenCamerasOptions,
): Promise<Map<string, Camera>> {
  const { events } = common;
  const small = new Map<string, Camera>();
  await Promise.all(cameras.map(async (config) => {
    const { name } = config;
    const source = smallSourceOf(config, cameras);
    if (source === undefined) return;
    const smallConfig = smallSourceConfig(readCamera({ ...config, source }));
    const opening = openDriver(smallConfig, drivers, reportExcess(events, name));
    const driver = await orSmallSourceError(opening);
    small.set(name, createCamera(smallConfig, driver, { ...common, label: smallSourceName(name) }));
  }));
  return small;
}

interface CreateCameraOptions extends Pick<OpenCamerasOptions, "clock" | "events"> {
  /** What events call the camera. @default {its name} */
  readonly label?: string;
}

function createCamera(
  { name, driver, idleTimeout, picture }: CameraOptionsFromConfig,
  { orientation, ...configured }: ConfiguredDriver,
  { label = name, clock, events }: CreateCameraOptions,
): Camera {
  const edit = pictureEdit(name, picture, orientation);
  return new Camera({ name: label, driver, ...configured, edit, idleTimeout, clock, events });
}

function reportExcess(events: Events<CameraEvent>, camera: string): (maxFps: number) => void {
  return (maxFps) => events.emit({ type: "camera frames dropped", camera, maxFps });
}
