import { assert, assertEquals } from "@std/assert";
import { ChunkStream } from "../../../lib/streaming/chunk_stream.ts";
import { settle } from "../../manual_clock.ts";

Deno.test("ChunkStream drops the other chunks if its client disconnects while it sends the first", async () => {
  let ends = 0;
  const stream = new ChunkStream({ onReady: () => {}, onEnd: () => ends++ });
  const reader = stream.body.getReader();
  const first = reader.read();
  await settle();
  assert(stream.isReady);
  cancelInEnqueue(reader);
  stream.send(Uint8Array.of(1), Uint8Array.of(2));
  assertEquals((await first).value, Uint8Array.of(1));
  assert(stream.isEnded);
  assertEquals(ends, 1);
});

/**
 * Cancels a stream within the next `enqueue()`, as Deno's server does if the connection is closed:
 * when the promise of `read()` is resolved, the engine looks for `then` in the result.
 */
function cancelInEnqueue(reader: ReadableStreamDefaultReader): void {
  Object.defineProperty(Object.prototype, "then", {
    configurable: true,
    get() {
      delete (Object.prototype as { then?: unknown }).then;
      void reader.cancel();
      return undefined;
    },
  });
}
