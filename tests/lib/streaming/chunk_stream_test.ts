import { assertEquals } from "@std/assert";
import { ChunkStream } from "../../../lib/streaming/chunk_stream.ts";
import { settle } from "../../manual_clock.ts";

Deno.test("ChunkStream ends quietly if the client disconnects between two chunks", async () => {
  let isSending = false, ends = 0;
  const stream = new ChunkStream({
    onReady: () => isSending && void reader.cancel(),
    onEnd: () => ends++,
  });
  const reader = stream.body.getReader();
  // Of two waiting reads, the first chunk ends one, and calls `pull` for the other one.
  const reads = Promise.all([reader.read(), reader.read()]);
  await settle();
  isSending = true;
  stream.send(Uint8Array.of(1), Uint8Array.of(2));
  assertEquals((await reads).map(({ value }) => value), [Uint8Array.of(1), undefined]);
  assertEquals([ends, stream.isEnded], [1, true]);
});
