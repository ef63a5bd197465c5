import { assert, assertEquals, assertFalse, assertMatch, assertStringIncludes } from "@std/assert";
import { splitJpegs } from "../lib/jpeg/split.ts";
import { type Size, sizeOf } from "../lib/jpeg/segments.ts";
import { PictureServer } from "./picture_server.ts";
import { encode, LIBJPEG } from "./lib/pixels/libjpeg.ts";
import { needing } from "./parts.ts";
import { eventually, ROOT, Server } from "./server.ts";
import { jpegsAt } from "./ways_out.ts";

/** Starts the server without access to libturbojpeg, which can make more sizes. */
const TYPESCRIPT_ENGINE = [
  ...[Deno.execPath(), "run", "-q", "--no-prompt", "--allow-env", "--allow-net"],
  ...["--allow-read", "--allow-run", "main.ts"],
];

/** Returns the sizes of some pictures at an address, each once. */
async function sizesAt(address: string): Promise<string[]> {
  const sizes = (await jpegsAt(address)).map((jpeg) => sizeOf(jpeg)!);
  return [...new Set(sizes.map(({ width, height }: Size) => `${width}x${height}`))];
}

async function statusOf(server: Server) {
  return (await (await fetch(`${server.url}/cameras`)).json())[0];
}

/** Returns a number of `/metrics`. */
async function metricOf(server: Server, name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(new RegExp(`^${name}\\{camera="[^"]*"\\} (\\S+)$`, "m").exec(text)?.[1]);
}

Deno.test("every live route has the sizes and qualities that a client requests", async () => {
  await using server = await Server.start({
    command: TYPESCRIPT_ENGINE,
    env: { FPS: "30", AUDIO: "test" },
  });
  const { url } = server;
  const own = (await jpegsAt(`${url}/snapshot.jpg`))[0]!;
  assertEquals((await statusOf(server)).heights, [60, 120, 180, 240, 480]);
  for (
    const path of [
      ...["video_feed?", "stream?", "?action=stream&", "av.mkv?", "snapshot.jpg?", "snapshot?"],
      ...["?action=snapshot&", "snapshot.jpg?max_age=5000&", "video_feed?fps=10&"],
      ...["video_feed", "snapshot.jpg", "av.mkv"].map((path) => `cameras/emulated/${path}?`),
    ]
  ) {
    assertEquals(await sizesAt(`${url}/${path}height=200`), ["320x240"], path);
    for (const jpeg of await jpegsAt(`${url}/${path}quality=low`)) {
      assertEquals(sizeOf(jpeg), sizeOf(own), path);
      assert(jpeg.length < own.length * 0.7, `${path}: ${jpeg.length} of ${own.length}`);
    }
  }
  assertEquals((await server.stop()).code, 0);
  assertFalse(server.output.includes("error"), server.output);
});

Deno.test("nine viewers of a rendition cost one render per frame, and none after they left", async () => {
  await using server = await Server.start({ env: { FPS: "30", IDLE_SECONDS: "1" } });
  const streams = await Promise.all(
    Array.from({ length: 9 }, async () => {
      const { body } = await fetch(`${server.url}/video_feed?height=240`);
      return splitJpegs(body!)[Symbol.asyncIterator]();
    }),
  );
  const read = (count: number) =>
    Promise.all(streams.map(async (stream) => {
      for (let i = 0; i < count; i++) await stream.next();
    }));
  await read(10);
  const counts = async () => {
    const { frames, renditions: [rendition], viewers } = await statusOf(server);
    return { frames, rendered: rendition.frames + rendition.dropped, viewers };
  };
  const before = await counts();
  await read(60);
  const after = await counts();
  const [frames, rendered] = [after.frames - before.frames, after.rendered - before.rendered];
  assert(frames >= 55, `${frames} frames`);
  assert(Math.abs(frames - rendered) <= 1, `${rendered} renders of ${frames} frames`);
  assertEquals(after.viewers, 9);
  await Promise.all(streams.map((stream) => stream.return(undefined)));
  await eventually(
    "the rendition and the camera stop",
    async () => {
      const { renditions, state } = await statusOf(server);
      return renditions.length === 0 && state === "off";
    },
  );
  assertEquals(await metricOf(server, "dinocam_renditions"), 0);
  const made = await metricOf(server, "dinocam_rendition_frames_total");
  await jpegsAt(`${server.url}/video_feed`); // the camera itself needs no rendition
  assertEquals(await metricOf(server, "dinocam_rendition_frames_total"), made);
});

Deno.test(
  "a rendition of pictures that cannot be converted is refused with the reason",
  needing(...LIBJPEG),
  async () => {
    await using source = new PictureServer();
    source.pictures.set("front", [
      await encode({ width: 640, height: 480, args: ["-progressive"] }),
    ]);
    await using server = await Server.start({
      command: TYPESCRIPT_ENGINE,
      env: { CAMERA: "mjpeg", SOURCE: source.url("front") },
    });
    for (const path of ["video_feed", "snapshot.jpg"]) {
      const response = await fetch(`${server.url}/${path}?height=240`);
      assertEquals(response.status, 503);
      assertMatch(
        await response.text(),
        /cannot be converted: progressive JPEG \(leave out height/,
      );
      assertEquals(await sizesAt(`${server.url}/${path}`), ["640x480"]);
    }
  },
);

Deno.test(
  "small pictures come from SMALL_SOURCE, without the camera's own stream",
  needing(...LIBJPEG),
  async () => {
    await using source = new PictureServer();
    source.pictures.set("large", [await encode({ width: 1280, height: 720 })]);
    source.pictures.set("small", [await encode({ width: 480, height: 270 })]);
    await using server = await Server.start({
      command: TYPESCRIPT_ENGINE,
      env: {
        CAMERA: "front=mjpeg",
        FRONT_SOURCE: source.url("large"),
        FRONT_SMALL_SOURCE: source.url("small"),
        IDLE_SECONDS: "1",
        HEIGHT: "720",
      },
    });
    const { url } = server;
    assertEquals(await sizesAt(`${url}/video_feed?height=200`), ["480x270"]);
    assertEquals(await sizesAt(`${url}/snapshot.jpg?height=100`), ["180x102"]);
    const { frames, heights, smallSource, state } = await statusOf(server);
    assertEquals([frames, heights, smallSource], [0, [], { state: "streaming", error: null }]);
    assertEquals(state, "streaming");
    assertEquals(await sizesAt(`${url}/video_feed?height=271`), ["640x360"]);
    assertEquals((await statusOf(server)).heights, [90, 180, 270, 360, 720]);
    const { body } = await fetch(`${url}/video_feed?height=200`);
    const viewer = splitJpegs(body!);
    await viewer.next();
    source.pictures.delete("small"); // its stream ends, and it delivers nothing more
    await eventually(
      "the small source fails",
      async () => (await statusOf(server)).smallSource.state === "failed",
    );
    for (let i = 0; i < 10; i++) {
      const { value: jpeg } = await viewer.next();
      assertEquals(sizeOf(jpeg!), { width: 480, height: 270 });
    }
    await viewer.return(undefined);
    assertMatch(server.output, /camera failed camera="?front \(small source\)"?/);
    assertEquals((await server.stop()).code, 0);
  },
);

Deno.test("a SMALL_SOURCE that fails is reported without its password, and replaced by the camera", async () => {
  await using source = await Server.start({ env: { FPS: "20" } });
  const { port } = new URL(source.url);
  const env = {
    CAMERA: "front=mjpeg",
    SOURCE: `${source.url}/video_feed`,
    SMALL_SOURCE: `http://me:geheim7@127.0.0.1:${port}/missing`,
  };
  await using server = await Server.start({ command: TYPESCRIPT_ENGINE, env });
  assertEquals(await sizesAt(`${server.url}/video_feed?height=240`), ["320x240"]);
  const { smallSource } = await statusOf(server);
  assertEquals(smallSource.state, "failed");
  assertStringIncludes(smallSource.error, "404");
  assertFalse(/geheim7/.test(server.output + JSON.stringify(smallSource)), server.output);
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--allow-all", "main.ts", "doctor"],
    cwd: ROOT,
    env: { ...env, PORT: "0" },
  }).output();
  const findings = new TextDecoder().decode(stdout);
  assertEquals(code, 1);
  assertMatch(findings, /Camera front \(small source\).*404/);
  assertMatch(findings, /Camera front \(mjpeg\) delivers pictures/);
  assertFalse(findings.includes("geheim7"), findings);
});

Deno.test('SMALL_SOURCE is the source of a camera called "small"', async () => {
  await using source = await Server.start({ env: { FPS: "20" } });
  await using server = await Server.start({
    env: {
      CAMERA: "small=mjpeg,large=mjpeg",
      SMALL_SOURCE: `${source.url}/video_feed?height=120`,
      LARGE_SOURCE: `${source.url}/video_feed`,
    },
  });
  assertEquals(await sizesAt(`${server.url}/cameras/small/video_feed`), ["160x120"]);
  assertEquals(await sizesAt(`${server.url}/cameras/large/video_feed?height=120`), ["160x120"]);
  const cameras = await (await fetch(`${server.url}/cameras`)).json();
  assertEquals(cameras.map((camera: object) => "smallSource" in camera), [false, false]);
});
