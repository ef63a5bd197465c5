import { type Env, variableName } from "../../lib/env.ts";
import { ConfigError } from "../../lib/errors.ts";

const FINGERPRINT = /^sha256:([\da-f]{2}:?){32}$/i;

/**
 * Reads `SOURCE_CERT`: a fingerprint, or the path of a PEM file, whose content is returned.
 *
 * @throws {ConfigError} If the file cannot be read or contains no certificate.
 */
export function readTrust(env: Env): string | undefined {
  const text = env.SOURCE_CERT?.trim();
  if (!text || FINGERPRINT.test(text)) return text || undefined;
  const name = variableName(env, "SOURCE_CERT");
  if (/^sha256:/i.test(text)) {
    throw new ConfigError(
      `Cannot read ${name} as a fingerprint: sha256: must be followed by 64 hexadecimal digits`,
    );
  }
  const pem = readFile(name, text);
  if (/-----BEGIN CERTIFICATE-----[^]+-----END CERTIFICATE-----/.test(pem)) return pem;
  throw new ConfigError(`Cannot read the file of ${name}: it contains no certificate in PEM form`);
}

function readFile(name: string, path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    const reason = cause instanceof Deno.errors.NotFound
      ? "no such file"
      : (cause as Error).message;
    throw new ConfigError(`Cannot read the file of ${name}: ${reason}`, { cause });
  }
}
