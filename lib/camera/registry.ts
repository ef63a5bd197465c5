import { ConfigError } from "../errors.ts";
import { fromFileUrl, resolve, toFileUrl } from "../path.ts";
import { quote } from "../quote.ts";
import type { CameraDriver, CommonSettings } from "./driver.ts";
import type { DriverRequirements } from "./requirements.ts";

/** Folder of the server's own drivers. */
const BUILT_IN_FOLDER = fromFileUrl(new URL("../../cameras", import.meta.url));
/** Time limit for loading a driver, in milliseconds: it may wait at its top level. */
const LOAD_TIMEOUT = 10_000;

/** A folder of drivers. */
export interface DriverFolder {
  /** An absolute path. */
  readonly path: string;
  /** The file extensions of drivers in this folder, such as `.ts`. */
  readonly extensions: readonly string[];
}

/** A driver with unknown settings. */
export type AnyDriver = CameraDriver<CommonSettings>;

/**
 * Returns the folders of drivers in the order of precedence: the user's folder, then dinocam's.
 *
 * @param userFolder `CAMERAS_DIR`, relative to the working directory.
 */
export function driverFolders(userFolder: string | undefined, standalone: boolean): DriverFolder[] {
  const builtIn = {
    path: BUILT_IN_FOLDER,
    extensions: [".ts"],
  };
  if (!userFolder) return [builtIn];
  // A compiled binary contains no TypeScript compiler, so it can load only JavaScript from disk.
  return [
    { path: resolve(userFolder), extensions: standalone ? [".js"] : [".ts", ".js"] },
    builtIn,
  ];
}

/** Loads drivers by name, only from the folders with which it was opened. */
export class DriverRegistry {
  readonly #files: ReadonlyMap<string, string>;
  readonly #hint: string;
  /** Modules by file: a failed one is not waited for again. */
  readonly #modules = new Map<string, Promise<{ default?: unknown }>>();

  private constructor(files: ReadonlyMap<string, string>, hint: string) {
    this.#files = files;
    this.#hint = hint;
  }

  /** Finds the drivers in the folders. @throws {ConfigError} If a folder cannot be read. */
  static open(folders: readonly DriverFolder[]): DriverRegistry {
    const files = new Map<string, string>();
    let ignored = 0;
    for (const { path, extensions } of folders.toReversed()) {
      for (const file of listFiles(path).sort()) { // x.ts takes precedence over x.js
        const [, name, extension] = /^([a-z0-9][a-z0-9_-]*)(\.[jt]s)$/i.exec(file) ?? [];
        if (!name || !extension) continue;
        if (extensions.includes(extension)) files.set(name, resolve(path, file));
        else ignored++;
      }
    }
    const hint = ignored > 0
      ? "; the compiled binary loads your drivers from .js files, not .ts"
      : "";
    return new DriverRegistry(files, hint);
  }

  /** The names of all drivers, sorted. */
  get names(): string[] {
    return [...this.#files.keys()].sort();
  }

  /** @throws {ConfigError} If no driver has that name. */
  requireKnown(name: string): void {
    this.#fileOf(name);
  }

  /** Whether a driver is one of the server's own. */
  isBuiltIn(name: string): boolean {
    const file = this.#files.get(name);
    return file !== undefined && resolve(file, "..") === BUILT_IN_FOLDER;
  }

  /**
   * Loads a driver.
   *
   * @throws {ConfigError} If no driver has that name, or its file exports no driver.
   */
  async load(name: string): Promise<AnyDriver> {
    const file = this.#fileOf(name);
    const driver = (await this.#import(file)).default;
    if (!isDriver(driver)) {
      throw new ConfigError(
        `Cannot use ${file} as a camera driver: its default export must be an object with the ` +
          "functions configure and open",
      );
    }
    return driver;
  }

  #fileOf(name: string): string {
    const file = this.#files.get(name);
    if (file) return file;
    const available = this.names.join(", ");
    throw new ConfigError(
      `Cannot find camera driver ${quote(name)}: available are ${available}${this.#hint}`,
    );
  }

  #import(file: string): Promise<{ default?: unknown }> {
    const module = this.#modules.get(file) ?? importDriver(file);
    this.#modules.set(file, module);
    return module;
  }

  /**
   * Loads the requirements that drivers declare, by the driver's name. Skips drivers that fail to
   * load: {@link load} reports the error.
   */
  async requirements(): Promise<Map<string, DriverRequirements>> {
    const requirements = new Map<string, DriverRequirements>();
    for (const name of this.names) {
      const driver = await this.load(name).catch(() => undefined);
      if (driver?.requirements) requirements.set(name, driver.requirements);
    }
    return requirements;
  }
}

async function importDriver(file: string): Promise<{ default?: unknown }> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    const seconds = LOAD_TIMEOUT / 1000;
    const text = `it has not loaded within ${seconds} s: it must not wait at its top level`;
    timer = setTimeout(() => reject(new LoadTimeout(text)), LOAD_TIMEOUT);
  });
  try {
    return await Promise.race([import(toFileUrl(file).href), timeout]);
  } catch (cause) {
    if (cause instanceof LoadTimeout) {
      throw new ConfigError(`Cannot load camera driver ${file}: ${cause.message}`, { cause });
    }
    throw new ConfigError(`Cannot load camera driver ${file}: ${describeThrown(cause)}`, {
      cause,
    });
  } finally {
    clearTimeout(timer);
  }
}

/** A driver that does not finish loading. */
class LoadTimeout extends Error {
  override name = "LoadTimeout";
}

/** Describes what a driver has thrown: the first line of an error, with the place in the file: `x.ts:3:10`. */
export function describeThrown(error: unknown): string {
  if (!(error instanceof Error)) return quote(String(error));
  const line = error.message.split("\n")[0]!;
  const text = error.name === "TypeError" ? line : `${error.name}: ${line}`;
  const [, place] =
    /\bat (?:.*\()?(file:\/\/\S+?:\d+:\d+)/.exec(`${error.message}\n${error.stack}`) ?? [];
  if (!place) return text;
  const [, url = "", position = ""] = /^(.*?)(:\d+:\d+)$/.exec(place)!;
  return `${text.replace(` at ${place}`, "")} (${fromFileUrl(url)}${position})`;
}

function listFiles(folder: string): string[] {
  try {
    const entries = Deno.readDirSync(folder);
    return [...entries].filter(({ isDirectory }) => !isDirectory).map(({ name }) => name);
  } catch (cause) {
    throw new ConfigError(
      `Cannot read CAMERAS_DIR: ${quote(folder)} is not a readable folder`,
      { cause },
    );
  }
}

function isDriver(value: unknown): value is AnyDriver {
  return typeof value === "object" && value !== null &&
    "configure" in value && typeof value.configure === "function" &&
    "open" in value && typeof value.open === "function";
}
