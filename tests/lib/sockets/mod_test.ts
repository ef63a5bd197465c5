import { assertEquals, assertMatch } from "@std/assert";
import { openConnections } from "../../../lib/sockets/mod.ts";

const DENIED =
  "Cannot open the C library: Deno does not permit it; use `deno task start`, or --allow-ffi";
const CLIENT: Deno.NetAddr = { transport: "tcp", hostname: "127.0.0.1", port: 50_000 };

Deno.test("openConnections reports that no socket listens on the port", {
  ignore: Deno.build.os === "windows",
}, () => {
  using connections = openConnections(1, { limitSendQueue: true });
  assertMatch(connections.unavailable ?? "", /no socket listens on port 1$/);
});

Deno.test({
  name: "openConnections without the permission reports that, never prompts, and does nothing",
  ignore: Deno.build.os === "windows",
  permissions: { net: true },
  async fn() {
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      () => new Response(null, { status: 204 }),
    );
    using connections = openConnections(server.addr.port, { limitSendQueue: true, direct: true });
    assertEquals(connections.unavailable, DENIED);
    assertEquals(connections.directTo(CLIENT, true), undefined);
    assertEquals([connections.closeIdle(), connections.closeAll()], [0, 0]);
    await server.shutdown();
  },
});

Deno.test({
  name: "openConnections does not mention the send queue if no limit was requested",
  permissions: "none",
  fn() {
    using connections = openConnections(80, { direct: true });
    assertEquals(connections.unavailable, undefined);
  },
});

Deno.test("Connections sends directly only if that was requested, and does nothing once disposed", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response(),
  );
  const { port } = server.addr;
  using client = await Deno.connect({ hostname: "127.0.0.1", port });
  await client.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  await client.read(new Uint8Array(1_000));
  const address = client.localAddr as Deno.NetAddr;

  using indirect = openConnections(port);
  assertEquals(indirect.directTo(address, true), undefined);
  const connections = openConnections(port, { direct: true });
  const direct = connections.directTo(address, true)!;
  connections[Symbol.dispose]();
  assertEquals(direct.send(new Uint8Array(10)), 0);
  assertEquals(connections.directTo(address, true), undefined);
  assertEquals([connections.closeIdle(), connections.closeAll()], [0, 0]);
  connections[Symbol.dispose]();
  client.close();
  await server.shutdown();
});
