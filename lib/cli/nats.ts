import type { CameraGroup } from "../camera/camera_groups.ts";
import type { CameraList } from "../camera/camera_list.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { CheckResult, NatsHub } from "../nats/mod.ts";
import {
  type HubAddress,
  NATS_DRIVER,
  readCertificates,
  requirePublishable,
  serverOf,
} from "../nats/settings.ts";
import type { ServerConfig } from "./settings.ts";

/** Options of {@link openNats}. */
export interface OpenNatsOptions {
  /** The addresses of `NATS_URL`. */
  readonly hubs: readonly HubAddress[] | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Connects to the hub in the background; undefined without `NATS_URL`. The module is loaded only
 * when it is needed. It must be open before the cameras: the driver `nats` uses it.
 *
 * @throws {ConfigError} If `NATS_CA` cannot be read.
 */
export async function openNats(
  { nats: { publish, ca } }: ServerConfig,
  { hubs, ...common }: OpenNatsOptions,
): Promise<NatsHub | undefined> {
  if (!hubs) return undefined;
  const certificates = readCertificates(ca);
  const { openNatsHub }: typeof import("../nats/mod.ts") = await import(
    import.meta.resolve("../nats/mod.ts")
  );
  return openNatsHub({ hubs, publish, ca: certificates }, common);
}

/** The entries of `CAMERA`. */
interface CameraEntries {
  /** The cameras that `CAMERA` names. */
  readonly configs: ServerConfig["cameras"];
  /** The drivers that discover cameras. */
  readonly groups: readonly Pick<CameraGroup, "driver">[];
}

/** Options of {@link publishCameras}. */
export interface PublishOptions extends CameraEntries {
  readonly list: CameraList;
  /** The addresses of `NATS_URL`. */
  readonly hubs: readonly HubAddress[] | undefined;
}

/**
 * Publishes the cameras of `PUBLISH`.
 *
 * @returns What is published and where, for the banner; undefined if nothing is.
 * @throws {ConfigError} If it names an unknown camera.
 */
export function publishCameras(
  hub: NatsHub,
  { nats: { publish } }: ServerConfig,
  { list, configs, groups, hubs = [] }: PublishOptions,
): string | undefined {
  requirePublishable(publish, { cameras: configs, groups });
  if (!publish) return undefined;
  if ([...configs, ...groups].every(({ driver }) => driver === NATS_DRIVER)) {
    return "Publishing no cameras, as all of them come from the hub: PUBLISH can be removed";
  }
  hub.publish(list);
  const names = publish === "all" ? "all cameras" : publish.join(", ");
  return `Publishing ${names} at the hub ${hubs.map(serverOf).join(" or ")}`;
}

/** Options of {@link checkOfNats}. */
export interface CheckOptions extends CameraEntries {
  /** The addresses of `NATS_URL`. */
  readonly hubs: readonly HubAddress[] | undefined;
  readonly clock: Clock;
}

/**
 * Returns the check of the hub for the doctor; undefined without `NATS_URL`.
 *
 * @throws {ConfigError} If `PUBLISH` or `NATS_CA` is invalid.
 */
export async function checkOfNats(
  { nats: { publish, ca } }: ServerConfig,
  { hubs, configs, groups, clock }: CheckOptions,
): Promise<((signal: AbortSignal) => AsyncGenerator<CheckResult>) | undefined> {
  if (!hubs) return undefined;
  requirePublishable(publish, { cameras: configs, groups });
  const { checkNats }: typeof import("../nats/mod.ts") = await import(
    import.meta.resolve("../nats/mod.ts")
  );
  const own = configs.filter(({ driver }) => driver !== NATS_DRIVER).map(({ name }) => name);
  const nats = configs.filter(({ driver }) => driver === NATS_DRIVER);
  const options = {
    hubs,
    ca: readCertificates(ca),
    published: publish === "all" ? own : publish ?? [],
    received: nats.map(({ name, env }) => env.SOURCE?.trim() || name),
    receivesAll: groups.some(({ driver }) => driver === NATS_DRIVER),
    clock,
  };
  return (signal) => checkNats(options, signal);
}
