import { Broadcast, chunksOf } from "./broadcast.ts";

// An iteration is one frame: from the source, through the hub, to the last viewer.
for (const viewers of [1, 100, 1000]) {
  const bodies = new Broadcast(viewers, chunksOf);
  Deno.bench(`a frame to the streams of ${viewers} viewers`, async () => {
    await bodies.frame();
  });

  const iterators = new Broadcast(viewers, (hub) => hub.subscribe());
  Deno.bench(`a frame to ${viewers} iterators`, async () => {
    await iterators.frame();
  });
}
