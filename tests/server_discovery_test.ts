import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { PictureFolder } from "./picture_folder.ts";
import { eventually, ROOT, Server } from "./server.ts";

/** The names in `GET /cameras`. */
async function namesAt({ url }: Server): Promise<string[]> {
  const cameras: { name: string }[] = await (await fetch(`${url}/cameras`)).json();
  return cameras.map(({ name }) => name);
}

async function untilNames(server: Server, ...names: string[]): Promise<void> {
  await eventually(
    `the cameras are ${names}`,
    async () => `${await namesAt(server)}` === `${names}`,
  );
}

Deno.test("the README's driver that discovers cameras passes the type check", async () => {
  await using folder = await PictureFolder.create();
  const config = new URL("deno.json", ROOT).pathname;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "-q", "--config", config, join(folder.path, "pictures.ts")],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
});

Deno.test("cameras that a driver discovers come and go in /cameras, /metrics and at the routes", async () => {
  await using folder = await PictureFolder.create();
  await using server = await Server.start({
    command: [Deno.execPath(), "task", "-q", "start"],
    env: { CAMERAS_DIR: folder.path, CAMERA: "emulated,pictures", FRONT_IDLE_SECONDS: "0" },
  });
  assertStringIncludes(server.output, "serves emulated, all cameras of pictures\n");
  assertEquals(await namesAt(server), ["emulated"]);
  await folder.add("yard");
  await folder.add("front");
  await untilNames(server, "emulated", "front", "yard");

  const snapshot = await fetch(`${server.url}/cameras/front/snapshot.jpg`);
  assertEquals([snapshot.status, snapshot.headers.get("Content-Type")], [200, "image/jpeg"]);
  await snapshot.bytes();
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assertStringIncludes(metrics, 'dinocam_camera_frames_total{camera="front"}');

  await folder.remove("front");
  await untilNames(server, "emulated", "yard");
  const gone = await fetch(`${server.url}/cameras/front/snapshot.jpg`);
  assertEquals(
    [gone.status, await gone.text()],
    [404, 'Cannot find camera "front": available are emulated, yard\n'],
  );
  const later = await (await fetch(`${server.url}/metrics`)).text();
  assert(!later.includes('camera="front"'));
  const health = await fetch(`${server.url}/healthz`);
  assertEquals([health.status, (await health.json()).failing], [200, []]);

  const { success, took } = await server.stop();
  assert(success);
  assertLess(took, 3_000);
  for (
    const line of ["appeared camera=front", "appeared camera=yard", "disappeared camera=front"]
  ) {
    assertStringIncludes(server.output, `camera ${line} driver=pictures`);
  }
});

Deno.test("without a camera, routes respond with 503 and a reason until one appears", async () => {
  await using folder = await PictureFolder.create();
  await using server = await Server.start({
    env: { CAMERAS_DIR: folder.path, CAMERA: "pictures" },
  });
  for (const path of ["/video_feed", "/snapshot.jpg", "/?action=stream", "/snapshot.jpg?at=-1s"]) {
    const response = await fetch(`${server.url}${path}`);
    assertEquals(
      [path, response.status, await response.text(), response.headers.get("Retry-After")],
      [path, 503, "No camera yet: CAMERA=pictures finds none\n", "2"],
    );
  }
  assertEquals(await namesAt(server), []);
  assertEquals((await (await fetch(`${server.url}/healthz`)).json()).status, "ok");
  const page = await fetch(server.url);
  assertEquals(page.status, 200);
  await page.body?.cancel();
  await folder.add("front");
  await untilNames(server, "front");
  const snapshot = await fetch(`${server.url}/snapshot.jpg`);
  assertEquals(snapshot.status, 200);
  await snapshot.bytes();
});

Deno.test("a stream goes on when its camera disappears, and has pictures again when it returns", async () => {
  await using folder = await PictureFolder.create("front");
  await using server = await Server.start({
    env: { CAMERAS_DIR: folder.path, CAMERA: "pictures" },
  });
  await untilNames(server, "front");
  const { body } = await fetch(`${server.url}/cameras/front/video_feed`);
  const reader = body!.getReader();
  /** The sizes of all pictures received. */
  const sizes: number[] = [];
  const reading = (async () => {
    let text = "";
    const latin1 = new TextDecoder("latin1");
    for (let part; !(part = await reader.read()).done;) {
      text += latin1.decode(part.value);
      sizes.push(
        ...Array.from(text.matchAll(/^Content-Length: (\d+)\r\n/gm), ([, n]) => Number(n)),
      );
      text = text.slice(text.lastIndexOf("\n") + 1).slice(-50); // a line may follow in the next part
    }
  })();
  await eventually("pictures arrive", () => sizes.length >= 2);
  const size = sizes[0]!;

  await folder.remove("front");
  await untilNames(server);
  await eventually('"no signal" arrives', () => sizes.at(-1) !== size);
  await folder.add("front");
  await untilNames(server, "front");
  await eventually("pictures arrive again", () => sizes.at(-1) === size);
  const [camera] = await (await fetch(`${server.url}/cameras`)).json();
  assertEquals([camera.viewers, camera.state], [1, "streaming"]);
  assert(camera.failures > 0, "it is the same camera");
  await reader.cancel();
  await reading;
});

Deno.test("a discovered camera with an invalid setting or another camera's name is ignored, and logged once", async () => {
  await using folder = await PictureFolder.create("front", "Emulated", "no_name");
  await using server = await Server.start({
    env: { CAMERAS_DIR: folder.path, CAMERA: "emulated,pictures", FRONT_IDLE_SECONDS: "soon" },
  });
  await folder.add("yard");
  await untilNames(server, "emulated", "yard");
  await folder.remove("yard");
  await untilNames(server, "emulated");
  await server.stop();
  const ignored = server.output.split("\n").filter((line) => line.includes("camera ignored"))
    .map((line) => line.slice(25)).sort();
  assertEquals(ignored, [
    'warn camera ignored camera=Emulated driver=pictures reason="another camera has its name"',
    'warn camera ignored camera=front driver=pictures reason="Cannot read FRONT_IDLE_SECONDS as a ' +
    'number of seconds from 0 to 86400, or \\"never\\": current value is \\"soon\\""',
    "warn camera ignored camera=no_name driver=pictures " +
    'reason="its name is not 1 to 64 letters, digits and hyphens"',
  ]);
});

Deno.test("SOURCE needs a named camera if the driver discovers cameras", async () => {
  await using folder = await PictureFolder.create("front");
  const env = { CAMERAS_DIR: folder.path, SOURCE: "front.jpg" };
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--allow-all", "main.ts"],
    cwd: ROOT,
    env: { ...env, CAMERA: "pictures" },
  }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [
    2,
    'Cannot use SOURCE with CAMERA=pictures, which is all cameras of driver "pictures": ' +
    "for one camera set CAMERA=front=pictures\n",
  ]);
  await using server = await Server.start({ env: { ...env, CAMERA: "top=pictures" } });
  assertEquals(await namesAt(server), ["top"]);
  const snapshot = await fetch(`${server.url}/snapshot.jpg`);
  assertEquals(snapshot.status, 200);
  await snapshot.bytes();
});

Deno.test("doctor lists the cameras that a driver discovers, and checks their first frames", async () => {
  await using folder = await PictureFolder.create("front");
  await Deno.mkdir(join(folder.path, "yard.jpg"));
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--allow-all", "main.ts", "doctor"],
    cwd: ROOT,
    env: { CAMERAS_DIR: folder.path, CAMERA: "pictures", PORT: "0", NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout);
  assertEquals(code, 1, text);
  assertStringIncludes(text, "ok       Found front: CAMERA=front=pictures SOURCE=front.jpg\n");
  assertStringIncludes(text, "ok       Found yard: CAMERA=yard=pictures SOURCE=yard.jpg\n");
  assertStringIncludes(text, "ok       Camera front (pictures) delivers pictures: ");
  assertStringIncludes(text, 'problem  Camera yard (pictures): The driver "pictures" failed: ');
});
