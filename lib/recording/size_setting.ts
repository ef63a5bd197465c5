import { type Env, parse } from "../env.ts";

const UNITS: Readonly<Record<string, number>> = { "": 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };
const BINARY: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** Reads a size such as `10G` or `512MiB`, in bytes. @throws {ConfigError} If it is invalid. */
export function readSize(env: Env, name: string): number | undefined {
  return parse(env, name, 'a size of at least 1M, as "500M", "10G" or "1T"', (text) => {
    const [, number, unit = "", binary] = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?$/i.exec(text) ?? [];
    if (!number) return undefined;
    const bytes = Number(number) * (binary ? BINARY : UNITS)[unit.toUpperCase()]!;
    return bytes >= 1e6 ? Math.floor(bytes) : undefined;
  });
}
