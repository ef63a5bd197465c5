import { assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import { forwardDelayed } from "./delay_proxy.ts";

/** Connects two sockets. */
async function connectPair(): Promise<[Deno.TcpConn, Deno.TcpConn]> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
    listener.accept(),
  ]);
}

Deno.test("forwardDelayed forwards all bytes, each after the delay, and then the end", async () => {
  const [sender, from] = await connectPair();
  const [to, receiver] = await connectPair();
  const delay = 100;
  const forwarding = forwardDelayed(from, to, delay);
  const bytes = Uint8Array.from({ length: 500_000 }, (_, i) => i % 251);
  const begun = performance.now();
  const sending = (async () => {
    for (let at = 0; at < bytes.length;) at += await sender.write(bytes.subarray(at));
    await sender.closeWrite();
  })();
  const received = new Uint8Array(bytes.length);
  let first = 0;
  for (let at = 0; at < received.length;) {
    const count = await receiver.read(received.subarray(at));
    first ||= performance.now() - begun;
    at += count!;
  }
  const took = performance.now() - begun;
  assertEquals(received, bytes);
  assertEquals(await receiver.read(new Uint8Array(1)), null);
  assertGreaterOrEqual(first, delay - 1);
  // All bytes are on their way at the same time: a second delay would show.
  assertLess(took, delay + first);
  await Promise.all([sending, forwarding]);
  for (const connection of [sender, from, to, receiver]) connection.close();
});

Deno.test("forwardDelayed ends when the target has closed", async () => {
  const [sender, from] = await connectPair();
  const [to, receiver] = await connectPair();
  const forwarding = forwardDelayed(from, to, 1);
  receiver.close();
  const writing = (async () => {
    try {
      while (true) await sender.write(new Uint8Array(65_536));
    } catch {
      // the proxy has closed it
    }
  })();
  await Promise.all([forwarding, writing]);
  sender.close();
  to.close();
});
