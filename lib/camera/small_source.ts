import { type Env, variableName } from "../env.ts";
import { ConfigError } from "../errors.ts";
import type { PictureSettings } from "../pixels/settings.ts";

/** What events, the log and the doctor call the second, smaller stream of a camera. */
export function smallSourceName(camera: string): string {
  return `${camera} (small source)`;
}

/**
 * Returns the value of `SMALL_SOURCE` for a camera. For a camera called "small", the variable of that
 * name is its `SOURCE`.
 */
export function smallSourceOf(
  { env, picture: { smallSource } }: { env: Env; picture: Pick<PictureSettings, "smallSource"> },
  all: readonly { readonly name: string }[],
): string | undefined {
  const isOther = variableName(env, "SMALL_SOURCE") === "SMALL_SOURCE" &&
    all.some(({ name }) => name.toLowerCase() === "small");
  return isOther ? undefined : smallSource;
}

/**
 * Returns the settings for capturing the stream, which were read with it as `SOURCE`. It has a size of
 * its own, and starts only on demand.
 */
export function smallSourceConfig<Config extends { readonly env: Env }>(config: Config): Config {
  const unset = { value: "", enumerable: true };
  const properties = Object.getOwnPropertyDescriptors(config.env);
  const env = Object.defineProperties({}, { ...properties, WIDTH: unset, HEIGHT: unset });
  return { ...config, env };
}

/** Names the setting in the error of a driver that cannot use it. */
export async function orSmallSourceError<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`Cannot use SMALL_SOURCE: ${error.message}`, { cause: error });
  }
}
