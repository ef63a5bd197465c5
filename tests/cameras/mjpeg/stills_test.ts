import { assert, assertEquals, assertGreater, assertLess, assertStringIncludes } from "@std/assert";
import { FakeCamera } from "../../lib/http1/fake_camera.ts";
import { A, B, C, failureOf, imagesOf, open } from "./upstream.ts";

function still(image: string, ...fields: string[]): string {
  const lines = ["HTTP/1.1 200 OK", `Content-Length: ${image.length}`, ...fields];
  return `${lines.join("\r\n")}\r\n\r\n${image}`;
}

Deno.test("mjpeg requests a still image FPS times per second", async () => {
  const type = "Content-Type: image/jpeg";
  await using camera = new FakeCamera([
    still(A, type),
    still(B, type),
    still(C, type),
    still(A, type),
  ]);
  const startedAt = performance.now();
  const { images } = await imagesOf({ SOURCE: camera.url("/snap.jpg").href, FPS: "10" }, 4);
  assertEquals(images, [A, B, C, A]);
  const took = performance.now() - startedAt;
  assertGreater(took, 280);
  assertLess(took, 2_000);
  assert(camera.requests.every((request) => request.startsWith("GET /snap.jpg ")));
});

Deno.test("mjpeg requests a still image once per second by default, also without a type or a length", async () => {
  const chunked = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${
    A.length.toString(16)
  }\r\n${A}\r\n0\r\n\r\n`;
  await using camera = new FakeCamera([chunked, `HTTP/1.0 200 OK\r\n\r\n${B}`]);
  const startedAt = performance.now();
  assertEquals((await imagesOf({ SOURCE: camera.url().href }, 2)).images, [A, B]);
  assertGreater(performance.now() - startedAt, 950);
});

Deno.test("mjpeg continues to request a still image after errors, with growing delays", async () => {
  const times: number[] = [];
  const timed = (answer: string) => () => {
    times.push(performance.now());
    return answer;
  };
  const broken = A.slice(0, 5_000);
  await using camera = new FakeCamera([
    timed(still(A)),
    timed("HTTP/1.1 503 Busy\r\n\r\n"),
    timed(""),
    timed(still(broken)),
    timed(still(B)),
  ]);
  const { images, broken: count } = await imagesOf({ SOURCE: camera.url().href, FPS: "100" }, 2);
  assertEquals([images, count], [[A, B], 1]);
  assertGreater(times[2]! - times[1]!, 480);
  assertGreater(times[3]! - times[2]!, 980);
});

Deno.test("mjpeg stops requesting a still image when the password is refused", async () => {
  await using camera = new FakeCamera([still(A), "HTTP/1.1 401 No\r\n\r\n"]);
  const { images, failure } = await imagesOf({ SOURCE: camera.url().href, FPS: "100" });
  assertEquals([images, failure?.permanent, camera.requests.length], [[A], true, 2]);
});

Deno.test("mjpeg appends EOI to still images that never have it, but not to truncated ones", async () => {
  const noEoi = [A, B, C].map((image) => image.slice(0, -2));
  await using camera = new FakeCamera(noEoi.map((image) => still(image)));
  const never = await imagesOf({ SOURCE: camera.url().href, FPS: "50" }, 2);
  assertEquals([never.images, never.broken], [[B, C], 1]);
  await using mostly = new FakeCamera([still(A), ...noEoi.map((image) => still(image)), still(B)]);
  const cut = await imagesOf({ SOURCE: mostly.url().href, FPS: "50" }, 2);
  assertEquals([cut.images, cut.broken], [[A, B], 3]);
  const interrupted = still(A).slice(0, -3_000);
  await using closing = new FakeCamera([interrupted, interrupted, interrupted, still(C)]);
  const whole = await imagesOf({ SOURCE: closing.url().href, FPS: "50" }, 1);
  assertEquals([whole.images, whole.broken], [[C], 3]);
});

Deno.test("mjpeg keeps the capture time of a still image", async () => {
  const now = Date.now() / 1000 - 5;
  await using camera = new FakeCamera(still(A, `X-Timestamp: ${now.toFixed(3)}`));
  for await (const image of open({ SOURCE: camera.url().href })) {
    assert("jpeg" in image);
    assertLess(Math.abs(image.capturedAt - now * 1000), 2);
    break;
  }
});

Deno.test("mjpeg ends a pause between still images when its signal aborts", async () => {
  await using camera = new FakeCamera(still(A));
  const stop = new AbortController();
  const images = open({ SOURCE: camera.url().href, FPS: "0.01" }, stop.signal);
  await images.next();
  const next = images.next();
  setTimeout(() => stop.abort(), 50);
  assertEquals((await next).done, true);
});

Deno.test("mjpeg reports a still image that is not a JPEG", async () => {
  await using camera = new FakeCamera(
    still("\x89PNG\r\n\x1a\n".padEnd(5_000, "\0"), "Content-Type: image/png"),
  );
  const { message, permanent } = await failureOf({ SOURCE: camera.url().href });
  assertStringIncludes(message, "sent PNG of type image/png instead of a stream of JPEGs");
  assert(permanent);
});
