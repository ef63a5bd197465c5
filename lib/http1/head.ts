import type { Bytes } from "../bytes.ts";
import { HttpClientError } from "./errors.ts";
import { HeaderFields } from "./fields.ts";

/**
 * Beginning of a response: a status line (`http`), header fields without a status line (`fields`),
 * or the body itself, which is a multipart stream or a JPEG. The last three are not HTTP, but
 * readable.
 */
export type ResponseFormat = "http" | "fields" | "multipart" | "jpeg";

/** The head of a response. */
export interface Head {
  readonly format: ResponseFormat;
  /** 200 if there is no status line. */
  readonly status: number;
  readonly reason: string;
  readonly headers: HeaderFields;
  /** The bytes after the head: the beginning of the body. */
  readonly rest: Bytes;
}

const LF = 0x0a;
const STATUS_LINE = /^(?:HTTP(?:\/\d[\d.]*)?|ICY)[ \t]+(\d{3})(?!\d)(.*)$/i;
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*:[ \t]*(.*)$/;
const TOKEN_CHARACTER = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/;

/**
 * Parses the head of a response, in pieces of any size, in linear time. Tolerates the mistakes of
 * cameras: `ICY 200 OK`, a missing reason or status line, two status lines or two heads (the
 * server's and then a CGI program's), bare LF, blank lines at the beginning, folded lines, lines
 * without a colon or a name, no blank line before a boundary or a JPEG. Skips interim responses
 * (1xx).
 */
export class HeadParser {
  readonly #server: string;
  readonly #maxHead: number;
  #bytes: Bytes = new Uint8Array(2048);
  #length = 0;
  /** Start of the first line that is not parsed yet. */
  #at = 0;
  /** End of the bytes from `#at` on that were searched for LF. */
  #searched = 0;
  #state: "start" | "fields" | "empty head" = "start";
  #ended = false;
  #format: ResponseFormat = "http";
  #status = 200;
  #reason = "";
  #headers = new HeaderFields();
  /** Name of the field that a folded line continues. */
  #lastName: string | undefined;

  /**
   * @param server Name of the server in messages.
   * @param maxHead Maximum size in bytes, including interim responses.
   */
  constructor(server: string, maxHead: number) {
    this.#server = server;
    this.#maxHead = maxHead;
  }

  /**
   * Adds bytes.
   *
   * @returns The head, once it is complete.
   * @throws {HttpClientError} If the bytes are not a response, or its head is too large.
   */
  push(bytes: Bytes): Head | undefined {
    if (this.#length + bytes.length > this.#bytes.length) {
      const larger = new Uint8Array(2 * (this.#length + bytes.length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this.#parse();
  }

  /**
   * Ends the head: the connection has ended.
   *
   * @throws {HttpClientError} If the head is incomplete.
   */
  end(): Head {
    this.#ended = true;
    const head = this.#parse();
    if (head) return head;
    const closed = `${this.#server} closed the connection`;
    if (!this.#length) throw new HttpClientError("closed", `${closed} without a response`);
    throw new HttpClientError("head-truncated", `${closed} before the end of the response head`);
  }

  #parse(): Head | undefined {
    for (;;) {
      const body = this.#bodyFormat();
      if (body === "undecided") return;
      if (this.#at > this.#maxHead) throw this.#tooLarge();
      if (body) return this.#finish(this.#state === "start" ? body : this.#format);
      const line = this.#nextLine();
      if (line === undefined) return;
      if (this.#parseLine(line)) return this.#finish(this.#format);
    }
  }

  /** Returns the format of the body if it begins here, without a blank line before it. */
  #bodyFormat(): ResponseFormat | "undecided" | undefined {
    const [first, second] = this.#bytes.subarray(this.#at, Math.min(this.#at + 2, this.#length));
    if (this.#state === "empty head") return this.#bodyAfterEmptyHead();
    if (first === 0xff || first === 0x2d) {
      if (second === undefined && !this.#ended) return "undecided";
      if (first === 0xff && second === 0xd8) return "jpeg";
      if (first === 0x2d && second === 0x2d) return "multipart";
    }
    if (this.#state === "start" && first !== undefined) this.#requireText(first);
  }

  /** Checks whether a head without fields is followed by the head of a CGI program. */
  #bodyAfterEmptyHead(): ResponseFormat | "undecided" | undefined {
    const text = decodeLatin1(this.#bytes.subarray(this.#at, Math.min(this.#at + 5, this.#length)));
    if (text.length < 5 && "HTTP/".startsWith(text)) return this.#ended ? "http" : "undecided";
    if (text !== "HTTP/") return "http";
    this.#state = "start";
  }

  /** @throws {HttpClientError} If a response cannot begin with this byte. */
  #requireText(first: number): void {
    if (first === LF || first === 0x0d || TOKEN_CHARACTER.test(String.fromCharCode(first))) return;
    if (first === 0x15 || first === 0x16) {
      throw this.#notHttp("a TLS message", "; the address must begin with https");
    }
    throw this.#notHttp(first === 0x3c ? "a document without a response head" : "unknown data");
  }

  #nextLine(): string | undefined {
    const lf = this.#bytes.subarray(0, this.#length).indexOf(
      LF,
      Math.max(this.#at, this.#searched),
    );
    this.#searched = lf === -1 ? this.#length : lf + 1;
    if ((lf === -1 ? this.#length : lf) > this.#maxHead) throw this.#tooLarge();
    if (lf === -1) return undefined;
    const cr = lf > this.#at && this.#bytes[lf - 1] === 0x0d;
    const line = decodeLatin1(this.#bytes.subarray(this.#at, cr ? lf - 1 : lf));
    this.#at = lf + 1;
    return line;
  }

  /** @returns Whether the head ends with this line. */
  #parseLine(line: string): boolean {
    if (!line) return this.#state === "fields" && this.#endsHead();
    const status = STATUS_LINE.exec(line);
    if (status) {
      this.#format = "http";
      this.#status = Number(status[1]);
      this.#reason = status[2]!.trim();
      this.#state = "fields";
    } else {
      this.#parseField(line);
    }
    return false;
  }

  #parseField(line: string): void {
    const [, name, value] = FIELD.exec(line) ?? [];
    if (this.#state === "start") {
      if (!name) throw this.#notHttp(describeLine(line));
      this.#format = "fields";
      this.#state = "fields";
    }
    if (name) this.#headers.append(name, value!.trim());
    else if (/^[ \t]/.test(line) && this.#lastName) {
      this.#headers.extend(this.#lastName, line.trim());
    }
    if (name || !/^[ \t]/.test(line)) this.#lastName = name;
  }

  #endsHead(): boolean {
    const interim = this.#status >= 100 && this.#status < 200 && this.#status !== 101;
    if (interim) {
      this.#state = "start";
      this.#status = 200;
      this.#headers = new HeaderFields();
      this.#lastName = undefined;
    } else if (this.#headers.size === 0) {
      this.#state = "empty head";
    }
    return this.#state === "fields";
  }

  #finish(format: ResponseFormat): Head {
    const rest = this.#bytes.slice(this.#at, this.#length);
    return { format, status: this.#status, reason: this.#reason, headers: this.#headers, rest };
  }

  #tooLarge(): HttpClientError {
    const message = `The response head of ${this.#server} exceeds ${this.#maxHead} bytes`;
    return new HttpClientError("head-too-large", message);
  }

  #notHttp(content: string, advice = ""): HttpClientError {
    return new HttpClientError(
      "not-http",
      `${this.#server} sent ${content} instead of an HTTP response${advice}`,
    );
  }
}

/** Names the protocol of a line that is not HTTP. */
function describeLine(line: string): string {
  const [start] = /^(RTSP|SSH|FTP|\d{3})\b/.exec(line) ?? [];
  if (start === undefined) return "unknown text";
  return /\d/.test(start) ? `a line that begins with ${start}` : start;
}

/**
 * Decodes ISO 8859-1, with spaces for control characters. `TextDecoder` would decode windows-1252
 * instead.
 */
function decodeLatin1(bytes: Bytes): string {
  let text = "";
  for (const byte of bytes) {
    text += byte < 0x20 && byte !== 0x09 || byte === 0x7f ? " " : String.fromCharCode(byte);
  }
  return text;
}
