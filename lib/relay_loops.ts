import { CameraError } from "./errors.ts";

/** Maximum number of relays remembered for each camera. */
const MAX_RELAYS = 32;
/** The name of a camera in a `Via` header. It reveals neither the server nor the camera. */
const PSEUDONYM = /\bdinocam-[0-9a-f]{32}\b/g;

/** A camera that relays itself, directly or through other servers. */
export class RelayLoopError extends CameraError {
  override name = "RelayLoopError";

  /**
   * @param host The server whose stream is relayed.
   * @param setting The setting with its address.
   */
  constructor(host: string, setting = "SOURCE") {
    const device = setting === "SOURCE" ? "camera" : "microphone";
    super(`The stream of ${host} relays this ${device} itself`, {
      hint: `set ${setting} to the URL of the server to which the ${device} is connected`,
      permanent: true,
    });
  }
}

/**
 * Detects relay loops by the `Via` header (RFC 9110, section 7.6.3). A relaying camera sends the
 * pseudonyms of all relays that have requested it, and its own. A request for a camera whose header
 * contains the camera's own pseudonym closes a loop.
 *
 * The pseudonyms are remembered for as long as the server runs: a restarted server, perhaps with
 * another `SOURCE`, has new pseudonyms.
 */
export class RelayLoops {
  readonly #pseudonyms = new Map<string, string>();
  /** The pseudonyms of relays that have requested a camera, by its name. Oldest first. */
  readonly #relays = new Map<string, Set<string>>();

  /** Returns the `Via` header for requests by which a camera gets its frames. */
  via(camera: string): string {
    const pseudonyms = [...this.#relays.get(camera) ?? [], this.#pseudonymOf(camera)];
    return pseudonyms.map((pseudonym) => `1.1 ${pseudonym}`).join(", ");
  }

  /**
   * Remembers the relays that request a camera.
   *
   * @param via The `Via` header of the request.
   * @returns Whether the camera itself is among them.
   */
  closesLoop(camera: string, via: string): boolean {
    const relays = this.#relays.get(camera) ?? new Set();
    for (const [pseudonym] of via.matchAll(PSEUDONYM)) {
      if (pseudonym === this.#pseudonyms.get(camera)) return true;
      relays.delete(pseudonym);
      relays.add(pseudonym);
      const [oldest] = relays;
      if (relays.size > MAX_RELAYS) relays.delete(oldest!);
    }
    if (relays.size > 0) this.#relays.set(camera, relays);
    return false;
  }

  #pseudonymOf(camera: string): string {
    const pseudonym = this.#pseudonyms.get(camera) ??
      `dinocam-${crypto.randomUUID().replaceAll("-", "")}`;
    this.#pseudonyms.set(camera, pseudonym);
    return pseudonym;
  }
}

/** Whether a request with this `Via` header is from a relaying camera. */
export function isRelay(via = ""): boolean {
  return via.search(PSEUDONYM) >= 0;
}

/** The relays of this server's cameras. */
export const relayLoops = new RelayLoops();

/**
 * The relays of the cameras' sound. A camera may relay the pictures of a server that relays the
 * sound of that camera: this is no loop.
 */
export const soundRelayLoops = new RelayLoops();
