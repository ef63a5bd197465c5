import { assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { type Access, Authenticator } from "../../../lib/auth/mod.ts";
import { Camera } from "../../../lib/camera/camera.ts";
import { MutableCameraList } from "../../../lib/camera/camera_list.ts";
import { systemClock } from "../../../lib/clock.ts";
import { CameraError } from "../../../lib/errors.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import type { Open } from "../../../lib/hub/source.ts";
import { createServerApp } from "./server_app.ts";
import { settle } from "../../manual_clock.ts";
import { noEvents, silentLog } from "../../silent.ts";

const picture = await Deno.readFile(new URL("../../../cameras/emulated/1.jpg", import.meta.url));

/** Yields one picture and then waits for the abort. */
const steady: Open<Jpeg> = async function* (signal) {
  yield picture;
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
};

// deno-lint-ignore require-yield
const missing: Open<Jpeg> = async function* () {
  throw new CameraError("Cannot find x on this machine", {
    hint: "install x",
    permanent: true,
  });
};

function setUp(open: Open<Jpeg>, access: Access = "this machine") {
  const camera = new Camera({
    name: "front",
    driver: "test",
    open,
    idleTimeout: 0,
    clock: systemClock,
    events: noEvents,
  });
  const authenticator = new Authenticator(access, { clock: systemClock, log: silentLog });
  const app = createServerApp({ cameras: [camera], authenticator });
  return { camera, app };
}

Deno.test("GET /cameras describes a camera without viewers, and does not start it", async () => {
  let opened = 0;
  const { app } = setUp((signal) => (opened++, steady(signal)));
  const response = await app.request("/cameras");
  assertEquals(response.headers.get("Cache-Control"), "no-store");
  const [camera] = await response.json();
  const { name, driver, state, fps, viewers, resolution, lastError } = camera;
  assertEquals({ name, driver, state, fps, viewers, resolution, lastError, opened }, {
    name: "front",
    driver: "test",
    state: "off",
    fps: 0,
    viewers: 0,
    resolution: null,
    lastError: null,
    opened: 0,
  });
});

Deno.test("GET /cameras reports the resolution and the viewers of a running camera", async () => {
  const { app, camera } = setUp(steady);
  const response = await app.request("/video_feed");
  const [{ state, viewers, resolution }] = await (await app.request("/cameras")).json();
  assertEquals({ state, viewers, resolution }, {
    state: "streaming",
    viewers: 1,
    resolution: "640x480",
  });
  await response.body!.cancel();
  await camera.close();
});

Deno.test("GET /healthz is 200 while a camera is off, and 503 with the cause after a failed start", async () => {
  const { app, camera } = setUp(missing);
  const before = await app.request("/healthz");
  assertEquals([before.status, (await before.json()).status], [200, "ok"]);
  const refused = await app.request("/video_feed");
  assertEquals([refused.status, refused.headers.get("Retry-After")], [503, "1"]);
  assertEquals(
    await refused.text(),
    'Cannot show camera "front": Cannot find x on this machine (install x)\n',
  );
  await settle();
  const after = await app.request("/healthz");
  assertEquals(after.status, 503);
  const { status, failing: [{ since, ...failure }] } = await after.json();
  assertEquals({ status, failure }, {
    status: "failing",
    failure: { camera: "front", reason: "Cannot find x on this machine (install x)" },
  });
  assertLess(Math.abs(Date.parse(since) - Date.now()), 60_000);
  await camera.close();
});

Deno.test("GET /healthz with AUTH reports the cause only to clients that know the password", async () => {
  const { app, camera } = setUp(missing, { user: "me", password: "x" });
  const ask = async (path: string, credentials?: string) => {
    const headers: HeadersInit = credentials ? { Authorization: `Basic ${btoa(credentials)}` } : {};
    const response = await app.request(path, { headers });
    return { status: response.status, header: response.headers, text: await response.text() };
  };
  assertEquals((await ask("/video_feed", "me:x")).status, 503);
  await settle();
  for (const credentials of [undefined, "me:wrong", "other:x"]) {
    const { status, header, text } = await ask("/healthz", credentials);
    assertEquals([status, header.get("WWW-Authenticate")], [503, null]);
    const { failing, ...rest } = JSON.parse(text);
    assertEquals(rest, { status: "failing" });
    assertEquals(failing.map(Object.keys), [["camera", "since"]]);
    assertEquals(failing[0].camera, "front");
  }
  assertStringIncludes((await ask("/healthz", "me:x")).text, "Cannot find x");
  await camera.close();
});

Deno.test("GET /healthz counts wrong passwords, so that it is no way around the rate limit", async () => {
  const { app } = setUp(steady, { user: "me", password: "x" });
  const ask = (path: string, credentials: string) =>
    app.request(path, { headers: { Authorization: `Basic ${btoa(credentials)}` } });
  for (let attempt = 0; attempt < 30; attempt++) {
    assertEquals((await ask("/healthz", `me:${attempt}`)).status, 200);
  }
  assertEquals((await ask("/cameras", "me:another")).status, 429);
});

Deno.test("a client gets 405 with the allowed methods for a wrong method, and 404 for an unknown path", async () => {
  const { app } = setUp(steady);
  for (const path of ["/", "/video_feed", "/cameras", "/cameras/front/snapshot.jpg", "/healthz"]) {
    for (const method of ["POST", "PUT", "DELETE", "PATCH", "TRACE2"]) {
      const response = await app.request(path, { method });
      assertEquals([path, method, response.status], [path, method, 405]);
      assertStringIncludes(response.headers.get("Allow")!, "GET, HEAD");
      await response.body?.cancel();
    }
  }
  for (const path of ["/nothing", "/cameras/other/video_feed", "/static/x.css", "/cameras/front"]) {
    const response = await app.request(path);
    assertEquals([path, response.status], [path, 404]);
    assertEquals((await response.text()).trimEnd().split("\n").length, 1);
  }
});

Deno.test("a client that accepts JSON gets errors as JSON", async () => {
  const { app } = setUp(steady);
  const response = await app.request("/cameras/other/video_feed", {
    headers: { Accept: "application/json" },
  });
  assertEquals(response.status, 404);
  assertEquals(await response.json(), { error: 'Cannot find camera "other": available are front' });
});

Deno.test("the routes follow a list of cameras that changes", async () => {
  const list = Object.assign(new MutableCameraList(), { emptyReason: "none is published" });
  const create = (name: string) =>
    new Camera({
      name,
      driver: "test",
      open: steady,
      idleTimeout: 0,
      clock: systemClock,
      events: noEvents,
    });
  const [front, back] = [create("front"), create("back")];
  const app = createServerApp({ cameras: list });
  const get = async (path: string) => {
    const response = await app.request(path);
    const type = response.headers.get("Content-Type");
    if (type === "image/jpeg") return [response.status, (await response.bytes()).length];
    return [response.status, (await response.text()).trimEnd()];
  };
  assertEquals(await get("/cameras"), [200, "[]"]);
  assertEquals((await get("/healthz"))[0], 200);
  assertEquals(await get("/snapshot.jpg"), [503, "No camera yet: none is published"]);
  assertEquals(
    await get("/cameras/back/snapshot.jpg"),
    [404, 'Cannot find camera "back": No camera yet: none is published'],
  );
  list.set([front!, back!]);
  assertEquals(await get("/cameras/back/snapshot.jpg"), [200, picture.length]);
  const metrics = () => get("/metrics").then(([, text]) => `${text}`);
  assertStringIncludes(await metrics(), 'frames_total{camera="back"} 1\n');
  list.set([front!]);
  assertEquals(
    await get("/cameras/back/snapshot.jpg"),
    [404, 'Cannot find camera "back": available are front'],
  );
  assertEquals((await metrics()).includes('camera="back"'), false);
  await front!.close();
  await back!.close();
});

Deno.test("a HEAD request starts no camera", async () => {
  let opened = 0;
  const { app, camera } = setUp((signal) => (opened++, steady(signal)));
  for (
    const path of ["/video_feed", "/?action=stream", "/snapshot.jpg", "/cameras/front/snapshot.jpg"]
  ) {
    const response = await app.request(path, { method: "HEAD" });
    assertEquals([path, response.status, await response.text()], [path, 200, ""]);
  }
  assertEquals([opened, camera.stats().viewers], [0, 0]);
});
