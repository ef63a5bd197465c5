import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { Camera } from "../../../lib/camera/camera.ts";
import { systemClock } from "../../../lib/clock.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import type { Open } from "../../../lib/hub/source.ts";
import { createServerApp } from "./server_app.ts";
import { noEvents } from "../../silent.ts";

const picture = await Deno.readFile(new URL("../../../cameras/emulated/1.jpg", import.meta.url));

const steady: Open<Jpeg> = async function* (signal) {
  yield picture;
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
};

function setUp() {
  const options = {
    name: "front",
    driver: "test",
    idleTimeout: 0,
    clock: systemClock,
    events: noEvents,
  };
  const camera = new Camera({ ...options, open: steady });
  const app = createServerApp({ cameras: [camera] });
  return { camera, app };
}

Deno.test("a stream is sent without chunked encoding, and its end closes the connection", async () => {
  const { camera, app } = setUp();
  const handle = (request: Request) => app.fetch(request);
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handle);
  using viewer = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
  const request = "GET /video_feed HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
  await viewer.write(new TextEncoder().encode(request));
  let answer = await readUntil(viewer, /\xff\xd9\r\n--frame\r\n$/);
  const [head = "", body] = [
    answer.split("\r\n\r\n", 1)[0],
    answer.slice(answer.indexOf("--frame")),
  ];
  assertMatch(head, /^content-length: \d{16}$/im);
  assertEquals(/transfer-encoding/i.test(head), false);
  const fields = body.slice(0, body.indexOf("\r\n\r\n") + 4);
  assertEquals(body.length, fields.length + picture.length + "\r\n--frame\r\n".length);
  await camera.close();
  answer = await readUntil(viewer, /\0never/);
  assertEquals(answer, "");
});

Deno.test("responses to HEAD requests and error responses do not claim the length of a stream", async () => {
  const { camera, app } = setUp();
  const head = await app.request("/video_feed", { method: "HEAD" });
  assertEquals(head.headers.get("Content-Length"), null);
  const wrong = await app.request("/video_feed?fps=0");
  assertEquals(wrong.status, 400);
  assertNotEquals(wrong.headers.get("Content-Length")?.length, 16);
  await wrong.body?.cancel();
  await camera.close();
});

/** Reads as Latin-1 until the text matches or the connection ends. */
async function readUntil(connection: Deno.Conn, pattern: RegExp): Promise<string> {
  const buffer = new Uint8Array(65_536);
  let text = "";
  for (let read; !pattern.test(text) && (read = await connection.read(buffer)) !== null;) {
    text += new TextDecoder("latin1").decode(buffer.subarray(0, read));
  }
  return text;
}
