import { assertGreater } from "@std/assert";
import { networking, TestNetwork } from "./nats/network.ts";
import { Server } from "./server.ts";

/** Bytes per second of the link: about eight pictures. */
const RATE = 400_000;
/** How long a stream is received, in milliseconds, and the part of the link that it has to use. */
const DURATION = 4_000, SHARE = 0.6;

Deno.test({
  // What this queue drops, the kernel's count of bytes sent includes twice.
  name: "a stream uses the whole of a link whose queue is at the server and drops packets",
  ...networking(),
  async fn() {
    await using network = await TestNetwork.create("viewer");
    await using _server = await Server.start({
      env: { PORT: "8000", HOST: "0.0.0.0", AUTH: "none", FPS: "30" },
      command: network.hub.command(Deno.execPath(), "run", "-q", "--allow-all", "main.ts"),
    });
    const viewer = network.host("viewer");
    await viewer.limit("down", RATE);
    using connection = await viewer.connect(8000, viewer.hubAddress);
    const request = "GET /video_feed HTTP/1.1\r\nHost: camera\r\n\r\n";
    await connection.write(new TextEncoder().encode(request));
    const end = performance.now() + DURATION;
    const timer = setTimeout(() => connection.close(), DURATION);
    let received = 0;
    const buffer = new Uint8Array(65_536);
    while (performance.now() < end) received += await connection.read(buffer).catch(() => 0) ?? 0;
    clearTimeout(timer);
    assertGreater(received, SHARE * RATE * DURATION / 1000);
  },
});
