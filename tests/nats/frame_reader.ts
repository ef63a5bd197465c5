import { percentile } from "../faults/figures.ts";
import type { TestHost } from "./network.ts";

/** A frame that a viewer has received. */
export interface SeenFrame {
  /** When its last byte arrived, in milliseconds since the Unix epoch. */
  readonly at: number;
  /** Time since its capture, in milliseconds. */
  readonly age: number;
  /** In bytes. */
  readonly size: number;
}

/** What a viewer has received in a period. Ages are in milliseconds. */
export interface FrameStatistics {
  readonly frames: number;
  readonly fps: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Options of {@link FrameReader.open}. */
export interface FrameReaderOptions {
  readonly port?: number;
  readonly path?: string;
  /** Smaller pictures are no frames of the camera: "no signal". In bytes. @default {50000} */
  readonly minSize?: number;
}

/** A viewer of a stream, on a host, that keeps when each frame arrived and how old it was. */
export class FrameReader implements AsyncDisposable {
  readonly openedAt = Date.now();
  /** The camera's frames, without repetitions and pictures such as "no signal". */
  readonly frames: SeenFrame[] = [];
  /** Number of other pictures. */
  others = 0;
  readonly #connection: Deno.TcpConn;
  readonly #minSize: number;
  readonly #reading: Promise<void>;
  #ended = false;
  #closed = false;
  #latest = 0;
  /** Text before the current picture, as far as it has arrived. */
  #head = "";
  #current: { size: number; capturedAt: number; remaining: number } | undefined;

  private constructor(connection: Deno.TcpConn, minSize: number) {
    this.#connection = connection;
    this.#minSize = minSize;
    this.#reading = this.#read();
  }

  /** Requests a stream from a server on the same host. */
  static async open(host: TestHost, options: FrameReaderOptions = {}): Promise<FrameReader> {
    const { port = 8000, path = "/video_feed", minSize = 50_000 } = options;
    const connection = await host.connect(port);
    const request = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
    await connection.write(new TextEncoder().encode(request));
    return new FrameReader(connection, minSize);
  }

  /** Whether the server has ended the connection. */
  get ended(): boolean {
    return this.#ended && !this.#closed;
  }

  /** Returns the frames that arrived in a period, in milliseconds since the Unix epoch. */
  between(from: number, to = Infinity): SeenFrame[] {
    return this.frames.filter(({ at }) => at >= from && at < to);
  }

  /** Describes the frames that arrived in a period. */
  statistics(from: number, to: number): FrameStatistics {
    const frames = this.between(from, to);
    const ages = frames.map(({ age }) => age);
    return {
      frames: frames.length,
      fps: frames.length * 1_000 / (to - from),
      p50: percentile(ages, 0.5),
      p99: percentile(ages, 0.99),
      max: Math.max(...ages),
    };
  }

  /** Drops what it has kept. */
  forget(): void {
    this.frames.length = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closed && !this.#ended) this.#connection.close();
    this.#closed = true;
    await this.#reading;
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(262_144);
    try {
      while (true) {
        const count = await this.#connection.read(buffer);
        if (count === null) break;
        this.#parse(buffer.subarray(0, count));
      }
    } catch {
      // reset by the server, or closed by this reader
    }
    this.#ended = true;
    if (!this.#closed) this.#connection.close();
  }

  #parse(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#current) {
        const size = Math.min(this.#current.remaining, bytes.length - at);
        at += size;
        this.#current.remaining -= size;
        if (this.#current.remaining === 0) this.#end();
      } else {
        const before = this.#head.length;
        this.#head += latin1.decode(bytes.subarray(at, at + 1_000));
        const [match, size, seconds] = PART_HEAD.exec(this.#head) ?? [];
        if (!match) {
          at += this.#head.length - before;
          continue;
        }
        at += this.#head.indexOf(match) + match.length - before;
        this.#head = "";
        this.#current = {
          size: Number(size),
          remaining: Number(size),
          capturedAt: Number(seconds) * 1_000,
        };
      }
    }
  }

  #end(): void {
    const { size, capturedAt } = this.#current!;
    this.#current = undefined;
    if (size < this.#minSize) return void this.others++;
    if (capturedAt <= this.#latest) return; // a repetition
    this.#latest = capturedAt;
    const at = Date.now();
    this.frames.push({ at, age: at - capturedAt, size });
  }
}

const latin1 = new TextDecoder("latin1");
const PART_HEAD = /Content-Length: (\d+)\r\nX-Timestamp: ([\d.]+)\r\n\r\n/;
