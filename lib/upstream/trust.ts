import { type Env, variableName } from "../env.ts";
import { ConfigError } from "../errors.ts";

/**
 * A fingerprint with or without its name, also as `openssl x509 -fingerprint -sha256` prints it.
 */
const FINGERPRINT = /^(?:sha-?256)?(?: fingerprint)?\s*[:=]?\s*((?:[\da-f]{2}[:\s-]?){32})$/i;
/** Another fingerprint, or a damaged one. */
const LIKE_FINGERPRINT = /^(?:sha-?\d+|md5)\b[^/\\.]*$|^(?:[\da-f]{2}:){5}|^[\da-f]{40}$/i;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^]+-----END CERTIFICATE-----/;

/**
 * Reads `SOURCE_CERT`: a fingerprint, the path of a PEM file, whose content is returned, or that
 * content itself.
 *
 * @throws {ConfigError} If the file cannot be read or contains no certificate.
 */
export function readTrust(env: Env): string | undefined {
  const text = env.SOURCE_CERT?.trim();
  if (!text || CERTIFICATE.test(text)) return text || undefined;
  const digits = FINGERPRINT.exec(text)?.[1];
  if (digits) return `sha256:${digits.replaceAll(/[^\da-f]/gi, "").toLowerCase()}`;
  const name = variableName(env, "SOURCE_CERT");
  if (LIKE_FINGERPRINT.test(text)) {
    throw new ConfigError(
      `Cannot read ${name} as a fingerprint: sha256: must be followed by 64 hexadecimal digits`,
    );
  }
  const pem = readFile(name, text);
  if (CERTIFICATE.test(pem)) return pem;
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
