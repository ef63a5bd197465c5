import { assert, assertEquals, assertGreaterOrEqual, assertStringIncludes } from "@std/assert";
import { FakeCamera } from "./lib/http1/fake_camera.ts";
import { eventually, readUntil, Server } from "./server.ts";

Deno.test("a chain of relays forwards each frame and its timestamp over one connection, only while it has viewers", async () => {
  const settings = { IDLE_SECONDS: "0" };
  await using camera = await Server.start({ env: { ...settings, CAMERA: "emulated", FPS: "10" } });
  const relay = (of: Server) =>
    Server.start({ env: { ...settings, CAMERA: "mjpeg", SOURCE: `${of.url}/video_feed` } });
  await using near = await relay(camera);
  await using far = await relay(near);
  assertEquals(await viewersOf(camera), 0);

  const watched = [near, near, far, far].map(async ({ url }) => {
    const { body } = await fetch(`${url}/video_feed`);
    const text = await readUntil(body!, (text) => text.split("--frame").length > 15);
    return [...text.matchAll(/X-Timestamp: (\S+)/g)].map(([, stamp]) => stamp!);
  });
  await eventually("the near relay has its viewers", async () => await viewersOf(near) === 3);
  assertEquals(await viewersOf(camera), 1);
  assertEquals(await viewersOf(far), 2);

  const all = await Promise.all(watched);
  const [longest] = all.toSorted((a, b) => Number(a[0]) - Number(b[0]));
  for (const stamps of all) {
    assertGreaterOrEqual(stamps.length, 14);
    const begin = longest!.indexOf(stamps[0]!);
    const both = Math.min(stamps.length, longest!.length - begin);
    assert(both >= 5, `${both} frames in common`);
    assertEquals(stamps.slice(0, both), longest!.slice(begin, begin + both));
  }
  await eventually("the camera has no viewers", async () => await viewersOf(camera) === 0);

  const snapshot = await fetch(`${far.url}/snapshot.jpg`);
  assertEquals(snapshot.status, 200);
  await snapshot.bytes();
});

Deno.test("a relay reports why its source fails, and streams again when the source is back", async () => {
  let server = await Server.start({ env: { CAMERA: "emulated", FPS: "10" } });
  const { port } = new URL(server.url);
  try {
    const env = { CAMERA: "mjpeg", SOURCE: `${server.url}/video_feed`, IDLE_SECONDS: "0" };
    await using relay = await Server.start({ env });
    const { body } = await fetch(`${relay.url}/video_feed`);
    const reader = body!.getReader();
    await reader.read();
    await server.stop();
    const health = async () => await (await fetch(`${relay.url}/healthz`)).text();
    await eventually(
      "the relay reports the reason",
      async () => /connection refused/.test(await health()),
    );
    server = await Server.start({ env: { CAMERA: "emulated", FPS: "10", PORT: port } });
    await eventually("the relay is healthy again", async () => /"ok"/.test(await health()));
    await reader.read();
    await reader.read();
    await reader.cancel();
  } finally {
    await server[Symbol.asyncDispose]();
  }
});

Deno.test("a relay sends the password of its source and shows it nowhere", async () => {
  const secret = "correct-horse";
  await using camera = await Server.start({
    env: { CAMERA: "emulated", FPS: "10", AUTH: `me:${secret}` },
  });
  const source = (user: string) => `${camera.url.replace("//", `//${user}@`)}/video_feed`;
  await using relay = await Server.start({
    env: {
      CAMERA: "good=mjpeg,bad=mjpeg",
      GOOD_SOURCE: source(`me:${secret}`),
      BAD_SOURCE: source(`me:not-${secret}`),
    },
  });
  const responses: string[] = [];
  const statuses: number[] = [];
  for (const path of ["good/snapshot.jpg", "bad/snapshot.jpg", "bad/video_feed"]) {
    const response = await fetch(`${relay.url}/cameras/${path}`);
    statuses.push(response.status);
    responses.push(path.startsWith("good") ? (await response.bytes(), "") : await response.text());
  }
  assertEquals(statuses, [200, 503, 503]);
  for (const path of ["cameras", "healthz", "metrics"]) {
    responses.push(await (await fetch(`${relay.url}/${path}`)).text());
  }
  assertStringIncludes(
    responses.join("\n"),
    "rejects the user name and the password (status 401)",
  );
  assert(!`${responses.join("\n")}${relay.output}`.includes(secret));
});

Deno.test("a relay of itself fails with a hint, under any name of the machine", async () => {
  for (const host of ["127.0.0.1", "localhost"]) {
    const PORT = freePort();
    const SOURCE = `http://${host}:${PORT}/video_feed`;
    await using server = await Server.start({ env: { PORT, CAMERA: "mjpeg", SOURCE } });
    const message =
      `Cannot show camera "mjpeg": The stream of ${host}:${PORT} relays this camera ` +
      "itself (set SOURCE to the URL of the server to which the camera is connected)\n";
    for (const path of ["video_feed", "snapshot.jpg"]) {
      const response = await fetch(`${server.url}/${path}`);
      assertEquals([response.status, await response.text()], [503, message]);
    }
    const [{ state, lastFailure }] = await (await fetch(`${server.url}/cameras`)).json();
    assertEquals([state, lastFailure.retried], ["failed", false]);
    assertEquals(server.output.split("camera failed").length, 2, server.output);
  }
});

Deno.test("two servers that relay each other fail with a hint, whichever is watched", async () => {
  const ports = [freePort(), freePort()];
  const start = (port: string, other: string) =>
    Server.start({
      env: { PORT: port, CAMERA: "mjpeg", SOURCE: `http://127.0.0.1:${other}/video_feed` },
    });
  await using first = await start(ports[0]!, ports[1]!);
  await using second = await start(ports[1]!, ports[0]!);
  for (const { url } of [first, second]) {
    const response = await fetch(`${url}/video_feed`);
    const text = await response.text();
    assertEquals([response.status, text.includes("relays this camera itself")], [503, true]);
  }
});

Deno.test("servers can relay each other's cameras, and a camera can relay another one of its server", async () => {
  const ports = [freePort(), freePort()];
  const start = (port: string, other: string) =>
    Server.start({
      env: {
        PORT: port,
        CAMERA: "local=emulated,remote=mjpeg,copy=mjpeg",
        REMOTE_SOURCE: `http://127.0.0.1:${other}/cameras/local/video_feed`,
        COPY_SOURCE: `http://127.0.0.1:${port}/cameras/local/video_feed`,
      },
    });
  await using first = await start(ports[0]!, ports[1]!);
  await using second = await start(ports[1]!, ports[0]!);
  const statuses: number[] = [];
  for (const { url } of [first, second]) {
    for (const name of ["local", "remote", "copy"]) {
      const response = await fetch(`${url}/cameras/${name}/snapshot.jpg`);
      await response.body?.cancel();
      statuses.push(response.status);
    }
  }
  assertEquals(statuses, Array(6).fill(200));
});

function freePort(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `${listener.addr.port}`;
}

async function viewersOf({ url }: Server): Promise<number> {
  return (await (await fetch(`${url}/cameras`)).json())[0].viewers;
}

Deno.test("a relay shows nothing of its SOURCE when the other server quotes the request or hangs up", async () => {
  const path = "/seccam/KEYPATH9?usr=secuser&pwd=secquery";
  await using quoting = new FakeCamera((request) =>
    `HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n\r\n${
      request.split("\r\n")[0]
    } not found`
  );
  await using silent = new FakeCamera("");
  const source = ({ port }: FakeCamera) => `http://secname:sec%pass^@127.0.0.1:${port}${path}`;
  await using server = await Server.start({
    env: {
      AUTH: "me:watch",
      CAMERA: "one=mjpeg,two=mjpeg,three=exec",
      ONE_SOURCE: source(quoting),
      TWO_SOURCE: source(silent),
      THREE_SOURCE: `sh -c 'echo "cannot open $0, user secname, pwd secquery" >&2; exit 1' "${
        source(silent)
      }"`,
    },
  });
  const headers = { Authorization: `Basic ${btoa("me:watch")}` };
  const texts: string[] = [];
  for (const camera of ["one", "two", "three"]) {
    const response = await fetch(`${server.url}/cameras/${camera}/snapshot.jpg`, { headers });
    assertEquals(response.status, 503);
    texts.push(await response.text());
  }
  const open = await (await fetch(`${server.url}/healthz`)).json();
  assertEquals(open.failing.map(Object.keys), Array(3).fill(["camera", "since"]));
  for (const page of ["healthz", "cameras", "metrics"]) {
    texts.push(await (await fetch(`${server.url}/${page}`, { headers })).text());
  }
  assertStringIncludes(texts.join(), "responded with status 404");
  assertStringIncludes(texts.join(), "closed the connection without a response");
  await server.stop();
  assert(
    !/sec(cam|name|%|pass|user|query)|KEYPATH|usr=/i.test(texts.join() + server.output),
    texts.join(),
  );
});
