import { type Bytes, concat } from "../bytes.ts";
import { CameraError, ImmediateStop } from "../errors.ts";
import { HttpClientError, type HttpResponse, request, serverOf } from "../http1/mod.ts";
import { Redactor } from "../redact.ts";
import { soundRelayLoops } from "../relay_loops.ts";
import {
  failureOf,
  requestFailure,
  type Upstream,
  withFingerprint,
  wrongContent,
} from "../upstream/mod.ts";
import type { Address } from "../upstream/settings.ts";
import type { OpenSound, SoundChunk } from "./chunk.ts";
import { LiveMatroskaDecoder } from "./live_matroska.ts";
import { WavDecoder, wrongRate } from "./wav.ts";

/** Prefers sound with times, which another dinocam has. */
const ACCEPT = "audio/x-matroska, audio/wav;q=0.5";
/** Time limits for the connection and for the response, in milliseconds: less than for a stall. */
const CONNECT_TIMEOUT = 4_000, HEAD_TIMEOUT = 8_000;

/** Options of {@link openRelay}. */
export interface RelayOptions {
  /** The value of `AUDIO`, which may contain secrets. */
  readonly text: string;
  readonly address: Address;
  /** See `RequestOptions.trust`. */
  readonly trust: string | undefined;
  /** Names of the cameras with this sound. */
  readonly cameras: readonly string[];
  /** Samples per second. */
  readonly rate: number;
}

/** Returns the source that relays the sound of another server. */
export function openRelay(options: RelayOptions): OpenSound {
  const upstream: Upstream = {
    ...options.address,
    redactor: new Redactor([options.text]),
    setting: "AUDIO",
    wanted: "WAV",
    wantedHint:
      "AUDIO must be the URL of the sound itself; for dinocam: http://host:8000/audio.wav",
    silentHint: "check the microphone of that server",
  };
  return async function* (signal) {
    try {
      yield* relay(options, upstream, signal);
    } catch (error) {
      // A stall is reported together with the last failure.
      const isLate = signal.reason instanceof ImmediateStop && error instanceof CameraError;
      if (signal.aborted && !isLate) return;
      throw await toCameraError(error, upstream, signal);
    }
  };
}

async function* relay(
  options: RelayOptions,
  upstream: Upstream,
  signal: AbortSignal,
): AsyncGenerator<SoundChunk> {
  let response = await send(options, signal, false);
  if (mayNeedPassword(response, upstream)) {
    await response.body[Symbol.asyncDispose]();
    response = await send(options, signal, true);
  }
  await using body = response.body;
  if (response.status < 200 || response.status >= 300) throw await failureOf(response, upstream);
  const chunks = body[Symbol.asyncIterator]();
  const decoder = new SoundDecoder(response, options.rate, upstream);
  for (let next; !(next = await chunks.next()).done;) yield* decoder.push(next.value);
  decoder.end();
  throw new CameraError(`The sound of ${serverOf(response.url)} ended`);
}

/** Whether a server may have sent a log-in page instead of asking for the password. */
function mayNeedPassword(response: HttpResponse, { credentials }: Upstream): boolean {
  const type = response.headers.get("Content-Type") ?? "";
  return credentials !== undefined && !response.authentication && !response.credentialsWithheld &&
    response.status >= 200 && response.status < 300 && /^text\/html/i.test(type);
}

function send(
  { address, trust, cameras }: RelayOptions,
  signal: AbortSignal,
  preemptive: boolean,
): Promise<HttpResponse> {
  const via = cameras.map((camera) => soundRelayLoops.via(camera)).join(", ");
  return request({
    ...address,
    trust,
    preemptive,
    signal,
    headers: { Accept: ACCEPT, Via: via },
    connectTimeout: CONNECT_TIMEOUT,
    headTimeout: HEAD_TIMEOUT,
  });
}

/** Recognizes the format of a response, and decodes it. */
class SoundDecoder {
  readonly #response: HttpResponse;
  readonly #rate: number;
  readonly #upstream: Upstream;
  readonly #server: string;
  /** The first bytes, until the format is known. */
  #head: Bytes = new Uint8Array(0);
  #decoder: WavDecoder | LiveMatroskaDecoder | undefined;

  constructor(response: HttpResponse, rate: number, upstream: Upstream) {
    this.#response = response;
    this.#rate = rate;
    this.#upstream = upstream;
    this.#server = serverOf(upstream.url);
  }

  /** Decodes further bytes. @throws {CameraError} If they are no sound, or of another rate. */
  push(bytes: Bytes): SoundChunk[] {
    if (!this.#decoder) {
      bytes = concat(this.#head, bytes);
      this.#head = bytes;
      if (bytes.length < 64) return [];
      this.#decoder = this.#recognize(bytes);
    }
    if (this.#decoder instanceof WavDecoder) return [{ bytes: this.#decoder.push(bytes) }];
    return this.#decodeMatroska(this.#decoder, bytes);
  }

  /** @throws {CameraError} If the response has ended without sound. */
  end(): void {
    if (!this.#decoder) throw wrongContent(this.#response, this.#head, this.#upstream);
  }

  #recognize(bytes: Bytes): WavDecoder | LiveMatroskaDecoder {
    const magic = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    if (magic === 0x52494646) return new WavDecoder({ rate: this.#rate, name: this.#server });
    if (magic === 0x1a45dfa3) return new LiveMatroskaDecoder();
    throw wrongContent(this.#response, bytes, this.#upstream);
  }

  #decodeMatroska(decoder: LiveMatroskaDecoder, bytes: Bytes): SoundChunk[] {
    const knewHead = decoder.hasHead;
    let chunks: SoundChunk[];
    try {
      chunks = decoder.push(bytes);
    } catch (cause) {
      const message = `${this.#server} sent Matroska that is not from dinocam`;
      throw new CameraError(message, { hint: this.#upstream.wantedHint, cause });
    }
    if (!knewHead && decoder.hasHead && decoder.rate !== this.#rate) {
      throw wrongRate(this.#server, decoder.rate ?? 0, this.#rate);
    }
    return chunks;
  }
}

async function toCameraError(
  error: unknown,
  upstream: Upstream,
  signal: AbortSignal,
): Promise<CameraError> {
  if (error instanceof CameraError) return error;
  if (error instanceof TypeError && /certificate/.test(error.message)) {
    const message = `${error.message} (in SOURCE_CERT)`;
    return new CameraError(message, { permanent: true, cause: error });
  }
  if (!(error instanceof HttpClientError)) throw error;
  const { code } = error;
  const { url } = upstream;
  return await withFingerprint(requestFailure(error, upstream), { code, url, signal });
}
