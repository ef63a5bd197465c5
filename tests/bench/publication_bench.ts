import type { Message } from "../../lib/nats/bus.ts";
import { Publication } from "../../lib/nats/publication.ts";
import { encodeFrame, wantSubject } from "../../lib/nats/protocol.ts";
import { Uplink } from "../../lib/nats/uplink.ts";
import { systemClock as clock } from "../../lib/clock.ts";
import type { Frame } from "../../lib/frame.ts";
import { silentLog as log } from "../silent.ts";

const jpeg = new Uint8Array(113_948);
const header = { capturedAt: 0, monotonic: 0, epoch: 0, sequence: 1, roundTrip: 0 };

Deno.bench("a frame's message for the hub", () => {
  encodeFrame(jpeg, header);
});

// An iteration is one frame and the wants that follow it. The hub does nothing.
for (const edges of [1, 10, 100]) {
  let onWant = (_: Message) => {};
  const bus = {
    connected: true,
    maxPayload: Infinity,
    publish: () => true,
    flush: () => Promise.resolve(true),
    subscribe: (_: string, onMessage: (message: Message) => void) => {
      onWant = onMessage;
      return { [Symbol.dispose]() {} };
    },
    createInbox: () => "",
    onConnection: () => ({ [Symbol.dispose]() {} }),
  };
  let latest: Frame | undefined;
  const camera = {
    name: "front",
    driver: "emulated",
    get latest() {
      return latest;
    },
    join() {},
    leave() {},
    retryNow() {},
    stats: () => ({ state: "streaming", fps: 30 }) as never,
  };
  const uplink = new Uplink({ bus, clock });
  const publication = new Publication({ camera, bus, uplink, clock, log });
  const wants = Array.from({ length: edges }, (_, i): Message => {
    const data = new TextEncoder().encode(JSON.stringify({ edge: `edge${i}`, lane: 0 }));
    return { subject: wantSubject("front"), data, reply: undefined, noResponders: false };
  });
  Deno.bench(`a published frame, and the wants of ${edges} edges`, async () => {
    const sequence = (latest?.sequence ?? 0) + 1;
    latest = { jpeg, capturedAt: 0, monotonic: clock.monotonic(), sequence };
    publication.offer(latest);
    await Promise.resolve();
    await Promise.resolve();
    for (const want of wants) onWant(want);
  });
}
