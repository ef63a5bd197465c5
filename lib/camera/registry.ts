import { fromFileUrl, join, resolve, toFileUrl } from "@std/path";
import { ConfigError } from "../errors.ts";
import type { CameraDriver, CommonSettings } from "./driver.ts";

/** Where drivers lie, and how their files end there. */
export interface DriverFolder {
  /** An absolute path. */
  readonly path: string;
  readonly extensions: readonly string[];
}

/** A driver of which nothing is known but that it is one. */
export type AnyDriver = CameraDriver<CommonSettings>;

/**
 * The folders of drivers in the order in which they are looked in: the user's own, then ours.
 *
 * @param own `CAMERAS_DIR`, relative to the working directory.
 */
export function driverFolders(own: string | undefined, standalone: boolean): DriverFolder[] {
  const ours = {
    path: fromFileUrl(new URL("../../cameras", import.meta.url)),
    extensions: [".ts"],
  };
  if (!own) return [ours];
  // What a compiled binary reads from the disk must be JavaScript: there is no compiler in it.
  return [{ path: resolve(own), extensions: standalone ? [".js"] : [".ts", ".js"] }, ours];
}

/** Loads drivers by name, and only those that lie in its folders. */
export class DriverRegistry {
  readonly #files: ReadonlyMap<string, string>;
  readonly #hint: string;

  private constructor(files: ReadonlyMap<string, string>, hint: string) {
    this.#files = files;
    this.#hint = hint;
  }

  /** Looks for drivers. @throws {ConfigError} If a folder cannot be read. */
  static async open(folders: readonly DriverFolder[]): Promise<DriverRegistry> {
    const files = new Map<string, string>();
    let passedOver = 0;
    for (const { path, extensions } of folders.toReversed()) {
      for (const file of (await listFiles(path)).sort()) { // of x.js and x.ts the latter
        const [, name, extension] = /^([a-z0-9][a-z0-9_-]*)(\.[jt]s)$/i.exec(file) ?? [];
        if (!name || !extension) continue;
        if (extensions.includes(extension)) files.set(name, join(path, file));
        else passedOver++;
      }
    }
    const hint = passedOver > 0
      ? "; the compiled program loads drivers of your own as .js files, not .ts"
      : "";
    return new DriverRegistry(files, hint);
  }

  /** The names of all drivers, sorted. */
  get names(): string[] {
    return [...this.#files.keys()].sort();
  }

  /** Loads a driver. @throws {ConfigError} If there is none of that name, or its file holds none. */
  async load(name: string): Promise<AnyDriver> {
    const file = this.#files.get(name);
    if (!file) {
      throw new ConfigError(
        `Cannot find camera driver ${JSON.stringify(name)}: available are ${
          this.names.join(", ")
        }` +
          this.#hint,
      );
    }
    const driver = (await importDriver(file)).default;
    if (!isDriver(driver)) {
      throw new ConfigError(
        `Cannot use ${file} as a camera driver: its default export must be an object with the ` +
          "functions configure and open",
      );
    }
    return driver;
  }
}

async function importDriver(file: string): Promise<{ default?: unknown }> {
  try {
    return await import(toFileUrl(file).href);
  } catch (cause) {
    throw new ConfigError(`Cannot load camera driver ${file}: ${firstLine(cause)}`, { cause });
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0]!;
}

async function listFiles(folder: string): Promise<string[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  } catch (cause) {
    throw new ConfigError(
      `Cannot read CAMERAS_DIR: no folder to read at ${JSON.stringify(folder)}`,
      {
        cause,
      },
    );
  }
}

function isDriver(value: unknown): value is AnyDriver {
  return typeof value === "object" && value !== null &&
    "configure" in value && typeof value.configure === "function" &&
    "open" in value && typeof value.open === "function";
}
