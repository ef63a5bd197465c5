import { assertEquals, assertFalse, assertMatch } from "@std/assert";
import { jpegWith, Received, setUp } from "./fake_source.ts";

/** 2026-01-01T00:00:00Z, the start of the clock of these tests. */
const STAMP = "1767225600.000000";
const HEAD =
  "\xff\xd8\xff\xc0\x00\x0b\x08\x00\x01\x00\x02\x01\x01\x11\x00\xff\xc4\x00\x02\xff\xda\x00\x02";
const IMG = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8";
const PAGE = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

/**
 * Requests a stream and reads two frames: "one" and, a quarter of a second later, "three".
 */
async function watch(
  path: string,
  headers: Record<string, string> = {},
): Promise<{ response: Response; text: string }> {
  const { app, source, clock, camera } = setUp();
  const asking = app.request(path, { headers });
  await source.push(jpegWith("one"));
  const response = await asking;
  let text;
  {
    await using received = new Received(response.body!);
    text = await received.take();
    await clock.advance(250);
    await source.push(jpegWith("three"));
    text += await received.take();
  }
  await camera.close();
  return { response, text };
}

for (
  const path of [
    "/video_feed",
    "/stream",
    "/cameras/front/video_feed",
    "/video_feed?1795389295984",
    "/video_feed?timestamp=1795389295984",
    "/video_feed?cacheBust=1795389295984&x",
  ]
) {
  Deno.test(`${path} sends frames byte for byte in the form that every client can read`, async () => {
    const { response, text } = await watch(path);
    assertEquals(response.status, 200);
    assertEquals(Object.fromEntries(response.headers), {
      "content-type": "multipart/x-mixed-replace; boundary=frame",
      "content-length": "9007199254740991",
      "cache-control": "no-store, no-cache, must-revalidate, max-age=0, no-transform",
      "expires": "Mon, 3 Jan 2000 12:34:56 GMT",
      "pragma": "no-cache",
      "x-accel-buffering": "no",
      "x-content-type-options": "nosniff",
    });
    assertEquals(
      text,
      "--frame\r\n" +
        `Content-Type: image/jpeg\r\nContent-Length: 28\r\nX-Timestamp: ${STAMP}\r\n\r\n` +
        `${HEAD}one\xff\xd9\r\n--frame\r\n` +
        "Content-Type: image/jpeg\r\nContent-Length: 30\r\nX-Timestamp: 1767225600.250000\r\n\r\n" +
        `${HEAD}three\xff\xd9\r\n--frame\r\n`,
    );
  });
}

for (const path of ["/?action=stream", "/?action=stream&1795389295984"]) {
  Deno.test(`${path} has mjpg-streamer's boundary, the only one that its client accepts`, async () => {
    const { response, text } = await watch(path);
    assertEquals(
      response.headers.get("Content-Type"),
      "multipart/x-mixed-replace; boundary=boundarydonotcross",
    );
    assertEquals(
      text,
      "--boundarydonotcross\r\n" +
        `Content-Type: image/jpeg\r\nContent-Length: 28\r\nX-Timestamp: ${STAMP}\r\n\r\n` +
        `${HEAD}one\xff\xd9\r\n--boundarydonotcross\r\n` +
        "Content-Type: image/jpeg\r\nContent-Length: 30\r\nX-Timestamp: 1767225600.250000\r\n\r\n" +
        `${HEAD}three\xff\xd9\r\n--boundarydonotcross\r\n`,
    );
  });
}

for (
  const [client, path, headers] of [
    ["an <img>", "/video_feed", { "Sec-Fetch-Dest": "image", "Accept": IMG }],
    ["an <img> over plain HTTP", "/video_feed", { "Accept": IMG }],
    ["a browser's window", "/video_feed", { "Sec-Fetch-Dest": "document", "Accept": PAGE }],
    ["a browser's window over plain HTTP", "/video_feed", { "Accept": PAGE }],
    ["a client with ?advance_headers=1", "/video_feed?advance_headers=1", { "Accept": "*/*" }],
  ] as const
) {
  Deno.test(`${client} gets the next part's headers together with a frame`, async () => {
    const { text } = await watch(path, headers);
    assertEquals(
      text,
      "--frame\r\nContent-Type: image/jpeg\r\n\r\n" +
        `${HEAD}one\xff\xd9\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n` +
        `${HEAD}three\xff\xd9\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n`,
    );
  });
}

for (
  const [client, headers, chunked] of [
    ["a program", { "Accept": "*/*" }, false],
    ["an <img>", { "Sec-Fetch-Dest": "image", "Accept": IMG }, false],
    ["an <img> over plain HTTP", { "Accept": IMG }, false],
    ["a browser's window", { "Sec-Fetch-Dest": "document", "Accept": PAGE }, true],
    ["an <iframe>", { "Sec-Fetch-Dest": "iframe", "Accept": PAGE }, true],
    ["a browser's window over plain HTTP", { "Accept": PAGE }, true],
  ] as const
) {
  Deno.test(`${client} gets ${chunked ? "no Content-Length, for Firefox" : "a Content-Length"}`, async () => {
    const { response } = await watch("/video_feed", headers);
    assertEquals(response.headers.get("Content-Length"), chunked ? null : "9007199254740991");
  });
}

for (
  const [client, path, headers] of [
    ["a script's fetch()", "/video_feed", { "Sec-Fetch-Dest": "empty", "Accept": "*/*" }],
    ["a Java program", "/video_feed", {
      "Accept": "text/html, image/gif, image/jpeg, */*; q=.2",
    }],
    ["an <img> with ?advance_headers=0", "/video_feed?advance_headers=0", { "Accept": IMG }],
  ] as const
) {
  Deno.test(`${client} gets the length of each frame`, async () => {
    const { text } = await watch(path, headers);
    assertMatch(text, /\r\nContent-Length: 28\r\n[^]*\r\nContent-Length: 30\r\n/);
  });
}

Deno.test("a frame and the delimiter after it are one chunk", async () => {
  const { app, source, camera } = setUp();
  const asking = app.request("/video_feed");
  await source.push(jpegWith("one"));
  const reader = (await asking).body!.getReader();
  const opening = await reader.read();
  assertEquals(new TextDecoder().decode(opening.value), "--frame\r\n");
  const { value } = await reader.read();
  assertMatch(
    String.fromCharCode(...value!),
    /^Content-Type: image\/jpeg\r\n[^]*one\xff\xd9\r\n--frame\r\n$/,
  );
  await reader.cancel();
  await camera.close();
});

Deno.test("a viewer that got nothing for 5 s gets the last frame again, with its original time", async () => {
  const { clock, source, app, camera } = setUp({ fps: 0.1 });
  const asking = app.request("/video_feed");
  await source.push(jpegWith("one"));
  {
    await using received = new Received((await asking).body!);
    const first = await received.take();
    await clock.advance(4_500);
    assertEquals(await received.take(), "");
    await clock.advance(500);
    assertEquals(`--frame\r\n${await received.take()}`, first);
    await clock.advance(4_999);
    assertEquals(await received.take(), "");
    await clock.advance(1);
    assertEquals(`--frame\r\n${await received.take()}`, first);
    assertEquals(camera.stats().frames, 1);
  }
  await camera.close();
});

Deno.test("?fps= limits the frame rate of one viewer only", async () => {
  const { clock, source, app, camera } = setUp();
  const asking = [app.request("/video_feed?fps=2"), app.request("/video_feed")];
  await source.push(jpegWith("frame 0"));
  const [limited, full] = await Promise.all(asking);
  {
    await using some = new Received(limited!.body!);
    await using all = new Received(full!.body!);
    let [few, many] = ["", ""];
    for (let number = 1; number <= 20; number++) {
      few += await some.take();
      many += await all.take();
      await clock.advance(100);
      await source.push(jpegWith(`frame ${number}`));
    }
    const numbers = (text: string) => [...text.matchAll(/frame (\d+)/g)].map((match) => match[1]);
    assertEquals(numbers(few + await some.take()), ["0", "5", "10", "15", "20"]);
    assertEquals(numbers(many + await all.take()).length, 21);
    assertEquals(camera.stats().viewers, 2);
  }
  assertEquals(camera.stats().viewers, 0);
  await camera.close();
});

for (
  const [query, message] of [
    ["fps=0", 'Cannot read "fps" as a number above 0 and at most 240: current value is "0"'],
    ["fps=241", 'Cannot read "fps" as a number above 0 and at most 240: current value is "241"'],
    ["fps=-1", 'Cannot read "fps" as a number above 0 and at most 240: current value is "-1"'],
    ["fps=", 'Cannot read "fps" as a number above 0 and at most 240: current value is ""'],
    ["fps=NaN", 'Cannot read "fps" as a number above 0 and at most 240: current value is "NaN"'],
    ["fps=1e1", 'Cannot read "fps" as a number above 0 and at most 240: current value is "1e1"'],
    ["advance_headers=2", 'Cannot read "advance_headers" as 0 or 1: current value is "2"'],
  ] as const
) {
  Deno.test(`?${query} gets 400 with the parameter's name, and starts no camera`, async () => {
    const { app, source } = setUp();
    for (const path of ["/video_feed", "/stream", "/cameras/front/video_feed"]) {
      const response = await app.request(`${path}?${query}`);
      assertEquals([response.status, await response.text()], [400, `${message}\n`]);
    }
    const asJson = await app.request(`/?action=stream&${query}`, {
      headers: { Accept: "application/json" },
    });
    assertEquals([asJson.status, await asJson.json()], [400, { error: message }]);
    assertEquals(source.opened, 0);
  });
}

Deno.test("a HEAD request gets the headers of GET at once, leaves no viewer and starts no camera", async () => {
  const { app, source, camera } = setUp();
  const head = await app.request("/video_feed", { method: "HEAD" });
  assertEquals([head.status, await head.text()], [200, ""]);
  assertEquals([source.opened, camera.stats().viewers, camera.stats().state], [0, 0, "off"]);
  const { response } = await watch("/video_feed");
  const fields = new Headers(response.headers);
  fields.delete("Content-Length"); // claimed by the stream only
  assertEquals([...head.headers], [...fields]);
  const other = await app.request("/?action=stream", { method: "HEAD" });
  assertEquals(
    other.headers.get("Content-Type"),
    "multipart/x-mixed-replace; boundary=boundarydonotcross",
  );
});

Deno.test("an OPTIONS request gets the methods, leaves no viewer and starts no camera", async () => {
  const { app, source, camera } = setUp();
  for (const path of ["/video_feed", "/stream", "/?action=stream", "/cameras/front/video_feed"]) {
    const response = await app.request(path, { method: "OPTIONS" });
    assertEquals([response.status, response.headers.get("Allow")], [204, "GET, HEAD, OPTIONS"]);
    assertFalse(response.headers.has("Access-Control-Allow-Origin"));
  }
  assertEquals([source.opened, camera.stats().viewers], [0, 0]);
});

Deno.test("a viewer that disconnects no longer counts, and the camera stops", async () => {
  const { app, source, camera } = setUp();
  const asking = app.request("/video_feed");
  await source.push(jpegWith("one"));
  const { body } = await asking;
  assertEquals(camera.stats().viewers, 1);
  await body!.cancel();
  await camera.close();
  assertEquals([camera.stats().viewers, camera.stats().state], [0, "off"]);
});
