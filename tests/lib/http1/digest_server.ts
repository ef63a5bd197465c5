import { createHash } from "node:crypto";
import { type Answer, latin1 } from "./fake_camera.ts";

/** Default credentials. */
export const CREDENTIALS = { user: "admin", password: "pass:word" };

/** Options of {@link DigestServer}. */
export interface DigestServerOptions {
  /** Parameters of the challenge, besides realm and nonce. */
  parameters?: string;
  /** The challenges; `DIGEST` stands for the Digest challenge. */
  challenges?: readonly string[];
  user?: string;
  password?: string;
  charset?: "utf8" | "latin1";
  /** Number of nonces that are declared stale. */
  staleNonces?: number;
}

/** Checks Digest authentication according to RFC 7616, with a new nonce for each request. */
export class DigestServer {
  readonly #options: Required<DigestServerOptions>;
  #nonces = 0;

  constructor(options: DigestServerOptions) {
    const { user, password } = CREDENTIALS;
    const defaults = { parameters: "", challenges: ["DIGEST"], charset: "utf8" as const };
    this.#options = { user, password, staleNonces: 0, ...defaults, ...options };
  }

  readonly answer: Answer = (request) => {
    const { parameters, challenges, staleNonces } = this.#options;
    const header = /^Authorization: Digest (.*)\r$/m.exec(request)?.[1];
    const right = header !== undefined && this.#isRight(request, header);
    if (right && this.#nonces > staleNonces) return "HTTP/1.1 200 OK\r\n\r\nbody";
    const digest = `Digest realm="IP Camera", nonce="n${++this.#nonces}", ${parameters}` +
      (right ? ", stale=TRUE" : "");
    return unauthorized(...challenges.map((text) => text.replace("DIGEST", digest)))
      .replace("Content-Length: 6", "Content-Encoding: gzip");
  };

  #isRight(request: string, header: string): boolean {
    const { parameters, user, password, charset } = this.#options;
    const sent = new Map(
      [...header.matchAll(/(\w+)=(?:"(.*?)"|([^",]+))/g)].map(([, k, a, b]) => [k!, a ?? b!]),
    );
    const algorithm = /algorithm=([\w-]+)/.exec(parameters)?.[1] ?? "MD5";
    const name = algorithm.replace("-sess", "").replace("-", "");
    const h = (...texts: string[]) =>
      createHash(name).update(texts.join(":"), "latin1").digest("hex");
    const bytes = (text: string) =>
      charset === "utf8" ? latin1(new TextEncoder().encode(text)) : text;
    const [nonce, cnonce] = [sent.get("nonce")!, sent.get("cnonce")!];
    let a1 = h(bytes(user), "IP Camera", bytes(password));
    if (algorithm.endsWith("-sess")) a1 = h(a1, nonce, cnonce);
    const a2 = h("GET", request.split(" ")[1]!);
    const response = parameters.includes("qop")
      ? h(a1, nonce, "00000001", cnonce, "auth", a2)
      : h(a1, nonce, a2);
    return sent.get("response") === response && sent.get("username") === bytes(user) &&
      sent.get("uri") === request.split(" ")[1] && nonce === `n${this.#nonces}` &&
      (!parameters.includes("qop") || sent.get("qop") === "auth" && sent.get("nc") === "00000001");
  }
}

/** A 401 response with challenges. */
export function unauthorized(...challenges: readonly string[]): string {
  const fields = challenges.map((challenge) => `WWW-Authenticate: ${challenge}\r\n`).join("");
  return `HTTP/1.1 401 Unauthorized\r\n${fields}Content-Length: 6\r\n\r\ndenied`;
}
