import { type Env, variableName } from "../../lib/env.ts";
import { ConfigError } from "../../lib/errors.ts";
import { type Address, parseAddress } from "../../lib/upstream/settings.ts";

/**
 * Reads `SOURCE`.
 *
 * @throws {ConfigError} If it is not set, or not the URL of a stream.
 */
export function readAddress(env: Env): Address {
  const text = env.SOURCE?.trim() ?? "";
  const name = variableName(env, "SOURCE");
  if (text) return parseAddress(text, name);
  throw new ConfigError(
    `Cannot use camera driver "mjpeg" without ${name}: set it to the URL of a stream, ` +
      'such as "http://192.168.1.20:8000/video_feed"',
  );
}
