import { assert, assertEquals, assertRejects } from "@std/assert";
import { ClipLibrary, numberedFrames, START } from "./clip_library.ts";

/** Starts a download of a clip of several chunks. */
async function download({ clips }: ClipLibrary) {
  const plan = (await clips.plan("front", "mkv", { from: 0, to: START + 3_600_000 }))!;
  const { length } = await clips.file(plan, "mkv");
  return clips.read(plan, "mkv", { start: 0, end: length });
}

Deno.test("a download that is not read for a minute ends when others wait", async () => {
  await using library = new ClipLibrary();
  library.record(numberedFrames({ at: START, count: 20, size: () => 400_000 }));
  const readers: ReadableStreamDefaultReader[] = [];
  for (let i = 0; i < 32; i++) {
    const sending = await download(library);
    assert("body" in sending);
    readers.push(sending.body.getReader());
    await readers[i]!.read();
  }
  const message = "Cannot send another clip now: 32 are being sent";
  assertEquals(await download(library), { refused: "busy", message });
  await library.clock.advance(59_000);
  for (const reader of readers.slice(1)) await reader.read();
  assertEquals(await download(library), { refused: "busy", message });
  await library.clock.advance(1_000);
  const next = await download(library);
  assert("body" in next);
  await assertRejects(() => readers[0]!.read(), Error, "the client does not read");
  assertEquals(await download(library), { refused: "busy", message });
  await next.body.cancel(); // its place is free again
  for (let chunk = await readers[1]!.read(); !chunk.done;) chunk = await readers[1]!.read();
  const last = [await download(library), await download(library)];
  assert(last.every((sending) => "body" in sending));
  for (const sending of last) "body" in sending && await sending.body.cancel();
  for (const reader of readers.slice(2)) await reader.cancel();
  assertEquals(library.open, 0);
  assertEquals(library.log, ["clip failed: the client does not read, and others wait"]);
});
