import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { Nginx } from "./nginx.ts";
import { needing } from "./parts.ts";
import { codeBlocks } from "./readme.ts";
import { eventually, readUntil, Server } from "./server.ts";

/** The `location` block that the README gives. */
const LOCATION = codeBlocks("nginx").find((block) => block.startsWith("location / {"))!;

Deno.test("the server behind nginx", needing("nginx"), async (t) => {
  const env = { AUTH: "me:secret", FPS: "10" };
  const headers = { Authorization: `Basic ${btoa("me:secret")}` };
  await using server = await Server.start({ env });
  await using nginx = await Nginx.start({
    server: LOCATION.replace("127.0.0.1:8000", new URL(server.url).host),
  });

  await t.step("sends each frame without delay", async () => {
    const { body, status } = await fetch(`${nginx.url}/video_feed`, { headers });
    assertEquals(status, 200);
    const ages: number[] = [];
    let seen = "";
    await readUntil(body!, (text) => {
      for (const [, stamp] of text.slice(seen.length).matchAll(/X-Timestamp: ([\d.]+)\r\n/g)) {
        ages.push(Date.now() - Number(stamp) * 1000);
      }
      seen = text;
      return ages.length >= 20;
    });
    ages.sort((a, b) => a - b);
    assertLess(ages[ages.length >> 1]!, 60); // a frame that waits for the next one is 100 ms old
  });

  await t.step("asks for the password, except for /healthz", async () => {
    for (const [path, wanted] of [["/", 401], ["/video_feed", 401], ["/healthz", 200]] as const) {
      const response = await fetch(`${nginx.url}${path}`);
      await response.body?.cancel();
      assertEquals([path, response.status], [path, wanted]);
    }
    const page = await fetch(`${nginx.url}/`, { headers });
    assertStringIncludes(await page.text(), "<title>dinocam</title>");
  });

  await t.step("accepts the live player", async () => {
    const origin = new URL(nginx.url).origin;
    const key = btoa("0123456789abcdef");
    const response = await fetchUpgrade(nginx.url, [
      "GET /live?version=3 HTTP/1.1",
      `Host: ${new URL(nginx.url).host}`,
      `Origin: ${origin}`,
      `Authorization: ${headers.Authorization}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      `Sec-WebSocket-Key: ${key}`,
    ]);
    assert(response.startsWith("HTTP/1.1 101 "), response);
  });

  await t.step("no longer counts a viewer that disconnects from nginx", async () => {
    const { body } = await fetch(`${nginx.url}/video_feed`, { headers });
    await readUntil(body!, (text) => text.includes("--frame"));
    await eventually("no viewer is left", async () => {
      const cameras = await (await fetch(`${nginx.url}/cameras`, { headers })).json();
      return cameras[0].viewers === 0;
    });
  });
});

async function fetchUpgrade(url: string, lines: string[]): Promise<string> {
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(new TextEncoder().encode(lines.join("\r\n") + "\r\n\r\n"));
  const buffer = new Uint8Array(4_096);
  const size = await connection.read(buffer);
  return new TextDecoder("latin1").decode(buffer.subarray(0, size ?? 0));
}
