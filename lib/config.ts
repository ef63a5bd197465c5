import { type Env, forCamera, parse, readChoice, readInteger } from "./env.ts";
import { ConfigError } from "./errors.ts";
import { readHost } from "./host.ts";
import { isQuoted, quote } from "./quote.ts";
import { readSettings, type SettingTable, type SettingValues } from "./setting.ts";

/** An entry of `CAMERA`. */
interface CameraEntry {
  /** See `isCameraName`. */
  readonly name: string;
  readonly driver: string;
  /**
   * Whether `CAMERA` gives it a name, as in `front=pi`. Without a name, the driver's name is the
   * camera's name, or the entry stands for all cameras that the driver discovers.
   */
  readonly named: boolean;
}

/** Origins whose pages may read responses, in the form of the `Origin` header, or `*` for all. */
export type AllowedOrigins = "*" | readonly string[];

/** The settings of the server and of its cameras, in the order of the documentation. */
export const SERVER_SETTINGS = {
  cameras: {
    name: "CAMERA",
    alternatives: ["CAM", "CAMERA_DRIVER", "CAMERA_TYPE"],
    default: "emulated",
    meaning: "drivers of the cameras: `pi`, several: `pi,usb`, or named: `front=pi,back=usb` " +
      "(letters, digits, `-`)",
    read: readCameras,
  },
  source: {
    name: "SOURCE",
    alternatives: ["CAMERA_URL"],
    unset: "per driver",
    meaning: "device, number, path, address or command of the camera",
    perCamera: true,
    notDiscovered: true,
    secret: true, // an address can contain a password
  },
  sourceCert: {
    name: "SOURCE_CERT",
    meaning:
      "certificate of an `https` camera to trust: path of a PEM file, or `sha256:` and its fingerprint",
    perCamera: true,
    path: "read",
  },
  width: {
    name: "WIDTH",
    alternatives: ["RESOLUTION", "FRAME_SIZE", "VIDEO_SIZE", "IMAGE_SIZE"],
    unset: "per driver",
    meaning: "requested width, in pixels; the nearest supported size is used",
    perCamera: true,
  },
  height: {
    name: "HEIGHT",
    unset: "per driver",
    meaning: "requested height, in pixels",
    perCamera: true,
  },
  fps: {
    name: "FPS",
    alternatives: ["FRAMERATE", "FRAME_RATE", "FRAMES_PER_SECOND"],
    unset: "per driver",
    meaning: "requested frame rate, in frames per second",
    perCamera: true,
  },
  quality: {
    name: "QUALITY",
    unset: "per driver",
    meaning: "JPEG quality, 1 to 100; no effect on JPEGs that the camera encodes itself",
    perCamera: true,
  },
  idleTimeout: {
    name: "IDLE_SECONDS",
    alternatives: ["IDLE_TIMEOUT", "IDLE_TIME", "IDLE_SEC", "IDLE"],
    default: "10",
    meaning: "seconds that a camera keeps running after its last viewer. `0`: it stops at once. " +
      "`never`: it always runs",
    perCamera: true,
    read: readIdleTimeout,
  },
  host: {
    name: "HOST",
    alternatives: [
      "BIND",
      "BIND_ADDRESS",
      "LISTEN",
      "LISTEN_ADDRESS",
      "LISTEN_HOST",
      "SERVER_HOST",
    ],
    default: "127.0.0.1",
    meaning: "address to listen on; `0.0.0.0`: all IPv4 addresses of this machine",
    read: readHost,
  },
  port: {
    name: "PORT",
    alternatives: ["LISTEN_PORT", "HTTP_PORT", "SERVER_PORT"],
    default: "8000",
    meaning: "port to listen on; `0`: any free port",
    read: (env, name) => readInteger(env, name, { min: 0, max: 65_535 }),
  },
  reusePort: {
    name: "REUSE_PORT",
    alternatives: ["SO_REUSEPORT", "SHARE_PORT", "PORT_SHARING"],
    default: "off",
    meaning: "`on`: several servers listen on `PORT`, each with this setting, and the kernel " +
      "distributes the connections among them (Linux)",
    read: (env, name) => readReusePort(env, name),
  },
  auth: {
    name: "AUTH",
    alternatives: ["AUTHENTICATION", "AUTH_USER", "AUTH_PASSWORD", "BASIC_AUTH", "HTTP_AUTH"],
    meaning: "`user:password` for viewers; required unless `HOST` is a loopback address. " +
      "`none`: no password",
    secret: true, // read by lib/auth/, and kept away from drivers
  },
  tlsCert: {
    name: "TLS_CERT",
    alternatives: ["TLS_CERTIFICATE", "TLS_CERT_FILE", "SSL_CERT", "TLS_CERT_PATH"],
    meaning: "PEM file with the certificate, for HTTPS",
    path: "read",
    read: readPath,
  },
  tlsKey: {
    name: "TLS_KEY",
    alternatives: ["TLS_KEY_FILE", "TLS_PRIVATE_KEY", "SSL_KEY", "TLS_KEY_PATH"],
    meaning: "PEM file with the private key of the certificate",
    path: "read",
    read: readPath,
  },
  maxViewers: {
    name: "MAX_VIEWERS",
    alternatives: ["MAX_CLIENTS", "MAX_CONNECTIONS", "VIEWERS"],
    unset: "unlimited",
    meaning: "maximum number of viewers; further ones get 503 with `Retry-After`",
    read: (env, name) => readInteger(env, name, { min: 1, max: 1_000_000 }),
  },
  allowOrigin: {
    name: "ALLOW_ORIGIN",
    alternatives: ["CORS", "CORS_ORIGIN", "CORS_ORIGINS", "ALLOW_CORS"],
    meaning: "origins whose pages may read streams with `fetch` (CORS): " +
      "`https://mainsail.local,http://10.0.0.2`, or `*` for all. Not needed for `<img>`",
    read: (env, name): AllowedOrigins => readAllowedOrigins(env, name) ?? [],
  },
  log: {
    name: "LOG",
    alternatives: ["LOG_FORMAT"],
    default: "text",
    meaning: "`json`: one JSON object per line",
    read: (env, name) => readChoice(env, name, ["text", "json"]),
  },
  sendQueue: {
    name: "SEND_QUEUE",
    default: "short",
    meaning: "`short`: a viewer on a slow link skips frames instead of falling behind. `system`: " +
      "leave buffering to the operating system",
    read: (env, name) => readChoice(env, name, ["short", "system"]),
  },
  camerasDir: {
    name: "CAMERAS_DIR",
    alternatives: ["DRIVERS_DIR", "DRIVER_DIR"],
    meaning: "folder with your own drivers, searched first",
    path: "read",
    read: readPath,
  },
} as const satisfies SettingTable;

/** The settings that the server reads for each camera. Drivers read the other camera settings. */
const CAMERA_SETTINGS = { idleTimeout: SERVER_SETTINGS.idleTimeout };

type ServerValues = SettingValues<typeof SERVER_SETTINGS>;

/** Setting tables by module name. */
export type ModuleSettings = Readonly<Record<string, SettingTable>>;

/** Values of the modules' settings by module name. */
export type ModuleValues<Modules> = {
  readonly [Name in keyof Modules]: SettingValues<Modules[Name]>;
};

/** The server's settings. Times are in milliseconds. */
export interface Config
  extends Omit<ServerValues, "cameras" | "idleTimeout" | "tlsCert" | "tlsKey"> {
  /** At least one. */
  readonly cameras: readonly CameraConfig[];
  /** The PEM files for HTTPS. */
  readonly tls: TlsFiles | undefined;
}

/** The paths of the PEM files for HTTPS. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** The settings of one camera. */
export interface CameraConfig extends CameraEntry {
  /**
   * Time that it keeps running after its last viewer, in milliseconds; `Infinity`: it never stops.
   */
  readonly idleTimeout: number;
  /** The environment for its driver, in which `FRONT_FPS` is `FPS` for the camera "front". */
  readonly env: Env;
}

/** {@link Config} with the values of the modules' settings, for the server and for each camera. */
export type ConfigWith<Modules> = Omit<Config, "cameras"> & ModuleValues<Modules> & {
  readonly cameras: readonly (CameraConfig & ModuleValues<Modules>)[];
};

/**
 * Reads the settings of the server and of `modules`: `config.recording` has the values of the table
 * `recording`, and `config.cameras[0].recording` has the values for the first camera.
 *
 * @throws {ConfigError} If a value is invalid.
 */
export function readConfig<Modules extends ModuleSettings = Record<never, SettingTable>>(
  env: Env,
  modules = {} as Modules,
): ConfigWith<Modules> {
  const { cameras, tlsCert, tlsKey, ...values } = readSettings(SERVER_SETTINGS, env);
  if (values.reusePort && values.port === 0) {
    throw new ConfigError(
      "Cannot use REUSE_PORT with PORT=0: each server would get another port; set PORT",
    );
  }
  return {
    ...readModules(modules, env),
    ...values,
    cameras: cameras.map((camera) => readCameraConfig(env, modules, camera)),
    tls: tlsFiles(tlsCert, tlsKey),
  };
}

/** A camera whose settings are read. */
export interface CameraToConfigure extends Pick<CameraEntry, "name" | "driver"> {
  /** @default {false} */
  readonly named?: boolean;
  /** The value of `SOURCE`. @default {the user's} */
  readonly source?: string;
}

/**
 * Reads the settings of one camera, which can be one that appears while the server runs.
 *
 * @throws {ConfigError} If a value is invalid.
 */
export function readCameraConfig<Modules extends ModuleSettings = Record<never, SettingTable>>(
  env: Env,
  modules: Modules,
  { name, driver, named = false, source }: CameraToConfigure,
): CameraConfig & ModuleValues<Modules> {
  const cameraEnv = forCamera(env, name, source === undefined ? {} : { SOURCE: source });
  const { idleTimeout } = readSettings(CAMERA_SETTINGS, env, cameraEnv);
  const values = readModules(modules, env, cameraEnv);
  return { ...values, name, driver, named, idleTimeout, env: cameraEnv };
}

function readModules<Modules extends ModuleSettings>(
  modules: Modules,
  env: Env,
  cameraEnv = env,
): ModuleValues<Modules> {
  return Object.fromEntries(
    Object.entries(modules).map(([name, table]) => [name, readSettings(table, env, cameraEnv)]),
  ) as ModuleValues<Modules>;
}

function readCameras(env: Env, name: string): readonly CameraEntry[] | undefined {
  const cameras = parse(env, name, 'drivers, as "pi", "pi,usb" or "front=usb,back=pi"', (text) => {
    const entries = text.split(",").map((entry) => {
      // Only the name of an installed driver: never a path, a URL or a package.
      const match = /^\s*(?:([a-z0-9-]{1,64})\s*=\s*)?([a-z0-9][a-z0-9_-]{0,63})\s*$/i.exec(entry);
      const [, given, driver = ""] = match ?? [];
      const named = given !== undefined;
      return match && { name: given ?? driver.replaceAll("_", "-"), driver, named };
    });
    return entries.every((entry) => entry !== null) ? entries : undefined;
  });
  const names = new Set<string>();
  for (const { name } of cameras ?? []) {
    if (names.has(name.toLowerCase())) {
      throw new ConfigError(
        `Cannot have two cameras called ${quote(name)}: name them in CAMERA, as "front=pi,back=pi"`,
      );
    }
    names.add(name.toLowerCase());
  }
  return cameras;
}

function readIdleTimeout(env: Env, name: string): number | undefined {
  return parse(env, name, 'a number of seconds from 0 to 86400, or "never"', (text) => {
    if (text === "never") return Infinity;
    return /^\d+(\.\d+)?$/.test(text) && Number(text) <= 86_400 ? Number(text) * 1000 : undefined;
  });
}

/**
 * Reads `REUSE_PORT`.
 *
 * @param os The operating system of this machine, except in tests.
 * @throws {ConfigError} If it is on where the kernel does not distribute connections.
 */
export function readReusePort(
  env: Env,
  name: string,
  os: typeof Deno.build.os = Deno.build.os,
): boolean | undefined {
  const choice = readChoice(env, name, ["on", "off"]);
  if (choice === "on" && os !== "linux") {
    throw new ConfigError(
      `Cannot use ${name} on this system: only Linux distributes connections among servers on one ` +
        "port; choose a PORT for each, behind a reverse proxy",
    );
  }
  // Deno ends the process where this API is used without its flag, which deno.json sets.
  if (choice === "on" && !("listenDatagram" in Deno)) {
    throw new ConfigError(
      `Cannot use ${name} without Deno's flag --unstable-net: use \`deno task start\`, or add it`,
    );
  }
  return choice && choice === "on";
}

function readPath(env: Env, name: string): string | undefined {
  return parse(env, name, "a path", (text) => isQuoted(text) ? undefined : text);
}

function readAllowedOrigins(env: Env, name: string): AllowedOrigins | undefined {
  const wanted = 'origins, as "https://mainsail.local,http://10.0.0.2:8080", or "*"';
  return parse(env, name, wanted, (text) => {
    if (text === "*") return text;
    const origins = text.split(/[,\s]+/).filter(Boolean).map(readOrigin);
    return origins.every((origin) => origin !== undefined) ? origins : undefined;
  });
}

function readOrigin(text: string): string | undefined {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol)) return undefined;
  // Rejects the address of a page: browsers send only the origin.
  return url.href === `${url.origin}/` && !text.endsWith("?") ? url.origin : undefined;
}

function tlsFiles(cert: string | undefined, key: string | undefined): TlsFiles | undefined {
  if (cert && key) return { cert, key };
  if (!cert && !key) return undefined;
  const [given, missing] = cert ? ["TLS_CERT", "TLS_KEY"] : ["TLS_KEY", "TLS_CERT"];
  throw new ConfigError(`Cannot serve HTTPS with ${given} alone: set ${missing} too`);
}
