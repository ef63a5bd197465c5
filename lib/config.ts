import { type Env, forCamera, parse, readChoice, readInteger } from "./env.ts";
import { ConfigError } from "./errors.ts";

/** One camera, as `CAMERA` names it. */
export interface CameraConfig {
  /** Letters, digits and `-`. */
  readonly name: string;
  readonly driver: string;
  /** How long it runs on after the last viewer, in milliseconds; `Infinity`: it never stops. */
  readonly idleTimeout: number;
  /** The settings for its driver. */
  readonly env: Env;
}

/** Whose pages may read what the server sends: origins as a browser names them, or all. */
export type AllowedOrigins = "*" | readonly string[];

/** The server's own settings. */
export interface Config {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /**
   * Whether we look after what the kernel does for viewers: it stores no old pictures for slow ones, and
   * is given frames directly.
   */
  readonly shortSendQueue: boolean;
  /** At least one. */
  readonly cameras: readonly CameraConfig[];
  /** Empty: nobody's pages but our own. */
  readonly allowOrigin: AllowedOrigins;
  /** How many viewers there may be at once. */
  readonly maxViewers: number | undefined;
  /** The PEM files for HTTPS. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** Whether the log is for machines. */
  readonly jsonLog: boolean;
  /** The folder with the user's own drivers. */
  readonly camerasDir: string | undefined;
}

/** Reads the server's settings. @throws {ConfigError} If one cannot be what it is. */
export function readConfig(env: Env): Config {
  return {
    host: parse(env, "HOST", "a host name or an address", readHost) ?? "127.0.0.1",
    port: readInteger(env, "PORT", { min: 0, max: 65_535 }) ?? 8000,
    shortSendQueue: readChoice(env, "SEND_QUEUE", ["short", "system"]) !== "system",
    cameras: readCameras(env),
    allowOrigin: readAllowedOrigins(env),
    maxViewers: readInteger(env, "MAX_VIEWERS", { min: 1, max: 1_000_000 }),
    tls: readTls(env),
    jsonLog: readChoice(env, "LOG", ["text", "json"]) === "json",
    camerasDir: env.CAMERAS_DIR?.trim() || undefined,
  };
}

function readHost(text: string): string | undefined {
  const host = text.replace(/^\[(.*)\]$/, "$1");
  return /^[\w.:%-]+$/.test(host) ? host : undefined;
}

function readAllowedOrigins(env: Env): AllowedOrigins {
  const wanted = 'origins, as "https://mainsail.local,http://10.0.0.2:8080", or "*"';
  return parse(env, "ALLOW_ORIGIN", wanted, (text) => {
    if (text === "*") return text;
    const origins = text.split(/[,\s]+/).filter(Boolean).map(readOrigin);
    return origins.every((origin) => origin !== undefined) ? origins : undefined;
  }) ?? [];
}

function readOrigin(text: string): string | undefined {
  const url = URL.parse(text);
  // With more than an origin in it, a page's address was meant, which no browser sends.
  if (!url || !/^https?:$/.test(url.protocol)) return undefined;
  return url.href === `${url.origin}/` && !text.endsWith("?") ? url.origin : undefined;
}

function readTls(env: Env): Config["tls"] {
  const [cert, key] = [env.TLS_CERT?.trim(), env.TLS_KEY?.trim()];
  if (cert && key) return { cert, key };
  if (!cert && !key) return undefined;
  const [given, missing] = cert ? ["TLS_CERT", "TLS_KEY"] : ["TLS_KEY", "TLS_CERT"];
  throw new ConfigError(`Cannot serve HTTPS with ${given} alone: set ${missing} too`);
}

function readCameras(env: Env): CameraConfig[] {
  const cameras =
    parse(env, "CAMERA", 'drivers, as "pi", "pi,usb" or "front=usb,back=pi"', (text) => {
      const named = text.split(",").map((one) => {
        // A path, a URL or a package is not a name: only drivers that are there can be asked for.
        const match = /^\s*(?:([a-z0-9-]+)\s*=\s*)?([a-z0-9][a-z0-9_-]*)\s*$/i.exec(one);
        return match && { name: match[1] ?? match[2]!.replaceAll("_", "-"), driver: match[2]! };
      });
      return named.every((one) => one !== null) ? named : undefined;
    }) ?? [{ name: "emulated", driver: "emulated" }];
  const names = new Set<string>();
  for (const { name } of cameras) {
    if (names.has(name.toLowerCase())) {
      throw new ConfigError(
        `Cannot have two cameras called "${name}": name them in CAMERA, as "front=pi,back=pi"`,
      );
    }
    names.add(name.toLowerCase());
  }
  return cameras.map(({ name, driver }) => {
    const own = forCamera(env, name);
    return { name, driver, idleTimeout: readIdleTimeout(own), env: own };
  });
}

function readIdleTimeout(env: Env): number {
  const wanted = 'a number of seconds from 0 to 86400, or "never"';
  return parse(env, "IDLE_SECONDS", wanted, (text) => {
    if (text === "never") return Infinity;
    return /^\d+(\.\d+)?$/.test(text) && Number(text) <= 86_400 ? Number(text) * 1000 : undefined;
  }) ?? 10_000;
}
