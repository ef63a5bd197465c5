import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { systemClock as clock } from "../../../lib/clock.ts";
import type { CameraError } from "../../../lib/errors.ts";
import { clusterHeader, encodeHead, TRACK } from "../../../lib/matroska/mod.ts";
import { soundRelayLoops } from "../../../lib/relay_loops.ts";
import type { SoundChunk } from "../../../lib/sound/chunk.ts";
import { openRelay } from "../../../lib/sound/relay.ts";
import { parseAddress } from "../../../lib/upstream/settings.ts";
import { wav } from "./wav_stream.ts";

const RATE = 24_000;

/** A server that answers requests for sound. */
class SoundServer implements AsyncDisposable {
  readonly requests: Headers[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(respond: (request: Request) => Response) {
    const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
    this.#server = Deno.serve(options, (request) => {
      this.requests.push(new Headers(request.headers));
      return respond(request);
    });
  }

  address(userInfo = ""): string {
    return `http://${userInfo}127.0.0.1:${this.#server.addr.port}/cameras/front/audio.wav`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server.shutdown();
  }
}

/** Relays the sound of an address, until `most` chunks have arrived or it fails. */
async function relay(
  text: string,
  { most = Infinity, rate = RATE, stop = new AbortController() } = {},
) {
  const open = openRelay({
    text,
    address: parseAddress(text, "AUDIO"),
    trust: undefined,
    cameras: ["door"],
    rate,
  });
  const chunks: SoundChunk[] = [];
  try {
    for await (const { bytes, heardAt } of open(stop.signal)) {
      if (bytes.length > 0) chunks.push({ bytes: bytes.slice(), heardAt });
      if (chunks.length >= most) break;
    }
  } catch (error) {
    return { chunks, error: error as CameraError };
  }
  return { chunks, error: undefined };
}

const samples = Array.from({ length: 1_000 }, (_, i) => i);

Deno.test("openRelay() relays a WAV stream, and asks for one with times first", async () => {
  const headers = { "Content-Type": "audio/wav" };
  await using server = new SoundServer(() => new Response(wav({ samples }), { headers }));
  const { chunks, error } = await relay(server.address());
  const bytes = chunks.flatMap(({ bytes }) => [...bytes]);
  assertEquals([...new Int16Array(Uint8Array.from(bytes).buffer)], samples);
  assertEquals(chunks[0]!.heardAt, undefined);
  assertMatch(error!.message, /^The sound of 127\.0\.0\.1:\d+ ended$/);
  const [request] = server.requests;
  assertEquals(request!.get("Accept"), "audio/x-matroska, audio/wav;q=0.5");
  assert(soundRelayLoops.closesLoop("door", request!.get("Via")!));
});

Deno.test("openRelay() keeps the times of another dinocam", async () => {
  const date = Date.UTC(2026, 0, 1);
  const head = encodeHead({ date, size: { width: 16, height: 16 }, sound: { rate: RATE } });
  const data = new Uint8Array(960).fill(7);
  const body = [1_000, 1_020, 1_040].reduce<number[]>(
    (bytes, time) => [...bytes, ...clusterHeader(time, data.length, TRACK.SOUND), ...data],
    [...head],
  );
  await using server = new SoundServer(() => new Response(Uint8Array.from(body)));
  const { chunks } = await relay(server.address());
  assertEquals(chunks.map(({ heardAt }) => heardAt), [date + 1_000, date + 1_020, date + 1_040]);
  assertEquals(chunks.map(({ bytes }) => bytes), [data, data, data]);
});

Deno.test("openRelay() sends the password, also to a server that shows a log-in page instead of asking", async () => {
  const authorization = `Basic ${btoa("me:secret")}`;
  for (const asks of [true, false]) {
    await using server = new SoundServer((request) => {
      if (request.headers.get("Authorization") === authorization) {
        return new Response(wav({ samples }));
      }
      const page = { headers: { "Content-Type": "text/html" } };
      return asks
        ? new Response("", { status: 401, headers: { "WWW-Authenticate": "Basic" } })
        : new Response("<html>Log in</html>", page);
    });
    const { chunks } = await relay(server.address("me:secret@"));
    assertEquals([chunks.length > 0, server.requests.length], [true, 2]);
  }
});

Deno.test("openRelay() reports each failure in one line with a hint, and without secrets", async () => {
  const failures: [Response, message: RegExp, hint: RegExp, permanent: boolean][] = [
    [
      new Response(wav({ samples, rate: 48_000 })),
      / sends 48000 samples per second/,
      /^set AUDIO_RATE=48000$/,
      true,
    ],
    [new Response("no", { status: 401 }), / \(status 401\)$/, /correct them in AUDIO/, true],
    [
      new Response("x", { status: 404 }),
      / status 404/,
      /check the path of the URL in AUDIO/,
      false,
    ],
    [
      new Response("The microphone of secret is broken", { status: 503 }),
      / responded with status 503: The microphone of … is broken$/,
      /^$/,
      false,
    ],
    [
      new Response(`<html>${" ".repeat(100)}`, { headers: { "Content-Type": "text/html" } }),
      / sent a web page \(HTML\) of type text\/html instead of WAV$/,
      /AUDIO must be the URL of the sound itself/,
      true,
    ],
    [new Response("x", { status: 508 }), / relays this microphone itself$/, /^set AUDIO to/, true],
    [new Response(""), / sent no content/, /AUDIO must be/, false],
  ];
  for (const [response, message, hint, permanent] of failures) {
    await using server = new SoundServer(() => response.clone());
    const { error } = await relay(server.address("me:secret@"));
    assertMatch(error!.message, message);
    assertMatch(error!.hint ?? "", hint);
    assertEquals(error!.permanent, permanent, error!.message);
    assertEquals(`${error!.message} ${error!.hint}`.includes("secret"), false);
    assertEquals(error!.message.includes("\n"), false);
  }
  const { error } = await relay("http://127.0.0.1:1/audio.wav");
  assertStringIncludes(error!.hint!, "the URL in AUDIO is correct");
});

Deno.test("openRelay() ends at once when its signal aborts, and closes the connection", async () => {
  const closed = Promise.withResolvers<void>();
  const body = () =>
    new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(wav({ samples })),
      cancel: () => closed.resolve(),
    });
  await using server = new SoundServer(() => new Response(body()));
  const stop = new AbortController();
  const relaying = relay(server.address(), { stop });
  await clock.sleep(200);
  stop.abort();
  const { chunks, error } = await relaying;
  assertEquals([chunks.length > 0, error], [true, undefined]);
  await closed.promise;
});
