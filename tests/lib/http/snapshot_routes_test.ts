import { assert, assertEquals, assertMatch } from "@std/assert";
import { settle } from "../../manual_clock.ts";
import { jpegWith, setUp } from "./fake_source.ts";

for (
  const path of [
    "/snapshot.jpg",
    "/snapshot",
    "/?action=snapshot",
    "/cameras/front/snapshot.jpg",
    "/snapshot?1795389295984",
    "/?action=snapshot&1795389295984",
    "/snapshot.jpg?bypassCache=1795389295984",
  ]
) {
  Deno.test(`${path} is one frame, byte for byte as from the camera`, async () => {
    const { app, source, camera } = setUp();
    const asking = app.request(path);
    await source.push(jpegWith("one"));
    const response = await asking;
    assertEquals(response.status, 200);
    assertEquals(Object.fromEntries(response.headers), {
      "content-type": "image/jpeg",
      "content-length": "28",
      "x-timestamp": "1767225600.000000",
      "cache-control": "no-store, no-cache, must-revalidate, max-age=0, no-transform",
      "expires": "Mon, 3 Jan 2000 12:34:56 GMT",
      "pragma": "no-cache",
      "x-accel-buffering": "no",
      "x-content-type-options": "nosniff",
    });
    assertEquals(await response.bytes(), jpegWith("one"));
    assertEquals(camera.stats().viewers, 0);
    await camera.close();
  });
}

/** A camera with a viewer. Its latest frame, "old", is 400 ms old. */
async function watched() {
  const { app, source, clock, camera } = setUp();
  const asking = app.request("/video_feed");
  await source.push(jpegWith("old"));
  const { body } = await asking;
  await clock.advance(400);
  const leave = async () => {
    await body!.cancel();
    await camera.close();
  };
  return { app, source, clock, leave };
}

Deno.test("a snapshot is captured after the request", async () => {
  const { app, source, clock, leave } = await watched();
  const asking = app.request("/snapshot.jpg");
  await clock.advance(100);
  await source.push(jpegWith("new"));
  const response = await asking;
  assertEquals(response.headers.get("X-Timestamp"), "1767225600.500000");
  assertEquals(await response.bytes(), jpegWith("new"));
  await leave();
});

Deno.test("a snapshot with max_age is the latest frame if that is recent enough, else a new one", async () => {
  const { app, source, clock, leave } = await watched();
  for (const path of ["/snapshot.jpg", "/snapshot", "/cameras/front/snapshot.jpg"]) {
    const young = await app.request(`${path}?max_age=400`);
    assertEquals(await young.bytes(), jpegWith("old"));
  }
  const asking = app.request("/?action=snapshot&max_age=399");
  await clock.advance(100);
  await source.push(jpegWith("new"));
  assertEquals(await (await asking).bytes(), jpegWith("new"));
  await leave();
});

for (const value of ["-1", "", "soon", "1e3", "Infinity", "0x10"]) {
  Deno.test(`?max_age=${value} gets 400 with the parameter's name, and starts no camera`, async () => {
    const { app, source } = setUp();
    const message = 'Cannot read "max_age" as a number of milliseconds from 0: ' +
      `current value is ${JSON.stringify(value)}`;
    const asText = await app.request(`/snapshot.jpg?max_age=${value}`);
    assertEquals([asText.status, await asText.text()], [400, `${message}\n`]);
    const asJson = await app.request(`/?action=snapshot&max_age=${value}`, {
      headers: { Accept: "application/json" },
    });
    assertEquals([asJson.status, await asJson.json()], [400, { error: message }]);
    assertEquals(source.opened, 0);
  });
}

Deno.test("HEAD and OPTIONS requests for a snapshot get an immediate response and start no camera", async () => {
  const { app, source, camera } = setUp();
  for (const path of ["/snapshot.jpg", "/?action=snapshot", "/cameras/front/snapshot.jpg"]) {
    const head = await app.request(path, { method: "HEAD" });
    assertEquals([head.status, head.headers.get("Content-Type"), await head.text()], [
      200,
      "image/jpeg",
      "",
    ]);
    const options = await app.request(path, { method: "OPTIONS" });
    assertEquals([options.status, options.headers.get("Allow")], [204, "GET, HEAD, OPTIONS"]);
  }
  assertEquals([source.opened, camera.stats().viewers], [0, 0]);
});

Deno.test("a client gets 503 with the reason if a camera delivers no frame in 10 s, and no viewer is left", async () => {
  const { app, source, clock, camera } = setUp();
  for (const path of ["/snapshot.jpg", "/video_feed"]) {
    const asking = app.request(path);
    await settle();
    await clock.advance(10_000);
    const response = await asking;
    assertEquals([path, response.status], [path, 503]);
    assertMatch(response.headers.get("Retry-After")!, /^\d+$/);
    assertMatch(await response.text(), /^Cannot show camera "front": No .*picture.* for 10 s\n$/);
    assertEquals(camera.stats().viewers, 0);
  }
  assert(source.opened > 0);
  await camera.close();
});
