import { assertEquals } from "@std/assert";
import { openConnections } from "../../../lib/sockets/connections.ts";

const CLIENT: Deno.NetAddr = { transport: "tcp", hostname: "127.0.0.1", port: 50_000 };

Deno.test({
  name: "openConnections without the permission never prompts, and does nothing",
  permissions: { net: true },
  async fn() {
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      () => new Response(null, { status: 204 }),
    );
    using connections = openConnections(server.addr.port, { direct: true });
    assertEquals(connections.directTo(CLIENT, true), undefined);
    assertEquals([connections.closeIdle(), connections.closeAll()], [0, 0]);
    await server.shutdown();
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
