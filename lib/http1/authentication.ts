import { parseChallenges } from "./challenge.ts";
import {
  authorizeBasic,
  authorizeDigest,
  type Charset,
  type Credentials,
  supportsDigest,
} from "./digest.ts";
import type { HeaderFields } from "./fields.ts";

/** Maximum number of requests with credentials: too many failures would lock the user out. */
const MAX_ATTEMPTS = 2;

/** Options of {@link Authentication}. */
export interface AuthenticationOptions {
  /** Path and query, exactly as in the request line. */
  readonly uri: string;
  readonly credentials: Credentials;
  /** Number of uses of each nonce, including those for other URLs of the server. */
  readonly nonceUses: Map<string, number>;
}

/**
 * Authenticates the requests for one URL: answers Digest challenges, and sends Basic credentials
 * only to servers that offer no Digest.
 */
export class Authentication {
  readonly #options: AuthenticationOptions;
  #attempts = 0;
  #scheme: "Basic" | "Digest" | undefined;
  #charset: Charset = "utf8";

  constructor(options: AuthenticationOptions) {
    this.#options = options;
  }

  /** The scheme of the last attempt; undefined before the first one. */
  get scheme(): "Basic" | "Digest" | undefined {
    return this.#scheme;
  }

  /** Returns the value of the `Authorization` field for Basic, and counts an attempt. */
  basic(): string {
    this.#attempts++;
    this.#scheme = "Basic";
    return authorizeBasic(this.#options.credentials, this.#charset);
  }

  /**
   * Answers a 401 response.
   *
   * @returns The value of the `Authorization` field for the next attempt; undefined if retrying is
   * pointless.
   */
  answer(headers: HeaderFields): string | undefined {
    if (this.#attempts === MAX_ATTEMPTS) return undefined;
    const challenges = parseChallenges(headers.all("WWW-Authenticate"));
    // RFC 7616, section 3.7: the first challenge that the client supports.
    const challenge = challenges.find(supportsDigest);
    if (challenge) {
      const stale = challenge.parameters.get("stale")?.toLowerCase() === "true";
      const utf8 = challenge.parameters.get("charset")?.toLowerCase() === "utf-8";
      if (this.#scheme === "Digest" && !stale && (utf8 || !this.#useLatin1())) return undefined;
      return this.#digest(challenge);
    }
    // Some cameras send a 401 without a challenge, and expect Basic.
    const basic = !challenges.length || challenges.some(({ scheme }) => scheme === "basic");
    if (!basic || this.#scheme === "Digest") return undefined;
    if (this.#scheme === "Basic" && !this.#useLatin1()) return undefined;
    return this.basic();
  }

  #digest(challenge: Parameters<typeof authorizeDigest>[0]): string {
    this.#attempts++;
    this.#scheme = "Digest";
    const nonce = challenge.parameters.get("nonce")!;
    const { nonceUses, ...options } = this.#options;
    const count = (nonceUses.get(nonce) ?? 0) + 1;
    nonceUses.set(nonce, count);
    return authorizeDigest(challenge, {
      method: "GET",
      ...options,
      charset: this.#charset,
      count,
      cnonce: crypto.getRandomValues(new Uint8Array(16)).toHex(),
    });
  }

  /**
   * Changes the encoding from UTF-8 to ISO 8859-1, which older cameras expect.
   *
   * @returns Whether that changes the credentials.
   */
  #useLatin1(): boolean {
    const { user, password } = this.#options.credentials;
    const text = user + password;
    if (this.#charset === "latin1" || !/[\x80-\xff]/.test(text) || /[^ -\xff]/.test(text)) {
      return false;
    }
    this.#charset = "latin1";
    return true;
  }
}
