import { assertEquals, assertFalse, assertLess, assertMatch } from "@std/assert";
import { Server } from "../../server.ts";

/**
 * Sends `request` unchanged and reads the response as Latin-1, until `enough` holds or the server
 * closes the connection.
 */
async function exchange(
  url: string,
  request: string,
  enough: (text: string) => boolean = () => false,
): Promise<string> {
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(Uint8Array.from(request, (letter) => letter.charCodeAt(0)));
  const buffer = new Uint8Array(65_536);
  let text = "";
  while (!enough(text)) {
    const length = await connection.read(buffer);
    if (length === null) break;
    for (const byte of buffer.subarray(0, length)) text += String.fromCharCode(byte);
  }
  return text;
}

const twoFrames = (text: string) => text.split("X-Timestamp").length > 3;

Deno.test("the server on a socket", async (t) => {
  await using server = await Server.start({ env: { FPS: "20" } });

  await t.step("sends one chunk per frame or a plain body to HTTP/1.1", async () => {
    const answer = await exchange(
      server.url,
      "GET /video_feed HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
      twoFrames,
    );
    const [head, body] = split(answer);
    assertMatch(head, /^HTTP\/1\.1 200 OK\r\n/);
    assertMatch(head, /\r\ncontent-type: multipart\/x-mixed-replace; boundary=frame\r\n/i);
    const chunked = /\r\ntransfer-encoding: chunked\r\n/i.test(head);
    const size = chunked ? "[0-9a-f]+\r\n" : "";
    assertMatch(
      body,
      new RegExp(
        `^${size}--frame\r\n${chunked ? "\r\n" : ""}${size}Content-Type: image/jpeg\r\n` +
          "Content-Length: \\d+\r\nX-Timestamp: \\d+\\.\\d{6}\r\n\r\n\xff\xd8",
      ),
    );
  });

  await t.step("sends no chunks to HTTP/1.0", async () => {
    const answer = await exchange(
      server.url,
      "GET /?action=stream HTTP/1.0\r\n\r\n",
      twoFrames,
    );
    const [head, body] = split(answer);
    assertMatch(head, /^HTTP\/1\.[01] 200 OK\r\n/);
    assertFalse(/transfer-encoding/i.test(head));
    assertMatch(
      body,
      /^--boundarydonotcross\r\nContent-Type: image\/jpeg\r\nContent-Length: \d+\r\n/,
    );
    const [, length] = /Content-Length: (\d+)/.exec(body)!;
    const start = body.indexOf("\r\n\r\n") + 4;
    assertEquals(body.slice(start, start + 3), "\xff\xd8\xff");
    const end = start + Number(length);
    assertEquals(body.slice(end - 2, end + 25), "\xff\xd9\r\n--boundarydonotcross\r\nC");
  });

  await t.step("sends an HTTP/1.0 snapshot with its length", async () => {
    const answer = await exchange(server.url, "GET /?action=snapshot HTTP/1.0\r\n\r\n");
    const [head, body] = split(answer);
    assertEquals(Number(/\r\ncontent-length: (\d+)/i.exec(head)![1]), body.length);
    assertEquals([body.slice(0, 2), body.slice(-2)], ["\xff\xd8", "\xff\xd9"]);
  });

  for (
    const [what, request] of [
      ["an invalid Host", "GET /video_feed HTTP/1.1\r\nHost: a b\r\n"],
      ["a Host with an invalid port", "GET /video_feed HTTP/1.1\r\nHost: a:99999999\r\n"],
      ["a Host with an open bracket", "GET /video_feed HTTP/1.1\r\nHost: [::\r\n"],
      ["an invalid absolute URL", "GET http://[/ HTTP/1.1\r\nHost: x\r\n"],
      [
        "a camera name that is not UTF-8",
        "GET /cameras/%ff%fe/video_feed HTTP/1.1\r\nHost: 127.0.0.1\r\n",
      ],
      ["a single percent sign", "GET /cameras/%/video_feed HTTP/1.1\r\nHost: 127.0.0.1\r\n"],
      ["an invalid method", "\x01\x02 / HTTP/1.1\r\n"],
    ] as const
  ) {
    await t.step(`rejects ${what} in one line`, async () => {
      const answer = await exchange(server.url, `${request}Connection: close\r\n\r\n`);
      const [head, body] = split(answer);
      assertMatch(head, /^HTTP\/1\.1 40[04] /);
      assertFalse(body.includes("    at "), body);
      assertLess(body.length, 200);
    });
  }

  await t.step("has no viewers afterwards, and has printed no stack trace", async () => {
    const [camera] = await (await fetch(`${server.url}/cameras`)).json();
    assertEquals(camera.viewers, 0);
    assertFalse(server.output.includes("    at "), server.output);
  });
});

function split(answer: string): [head: string, body: string] {
  const end = answer.indexOf("\r\n\r\n");
  return [answer.slice(0, end + 2), answer.slice(end + 4)];
}
