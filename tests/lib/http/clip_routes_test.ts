import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import type { Hono } from "hono";
import { join } from "../../../lib/matroska/ebml.ts";
import { needing } from "../../parts.ts";
import { leavingNoProcess } from "../../processes.ts";
import { ClipLibrary, numberedFrames } from "../recording/clip_library.ts";
import { FakeEngine, smaller } from "../recording/fake_engine.ts";
import { pictures, uneven } from "../recording/pictures.ts";
import { FakeRecording, setUpRecording } from "./fake_recording.ts";

/** The time of the requests. */
const NOW = Date.UTC(2026, 0, 1);
/** The recording: 250 frames until 10 s before the request. */
const FROM = NOW - 20_000;

function setUp(library: ClipLibrary, engine?: FakeEngine): Hono {
  const recording = new FakeRecording([FROM]);
  recording.clips = library.clips;
  return setUpRecording(recording, { engine: engine?.start }).app;
}

function recorded(): ClipLibrary {
  const library = new ClipLibrary();
  library.record(numberedFrames({ at: FROM, count: 100 }));
  library.record(numberedFrames({ at: FROM + 4_000, count: 150, first: 100 }));
  return library;
}

async function bytesOf(response: Response) {
  return new Uint8Array(await response.arrayBuffer());
}

Deno.test("GET clip.mkv responds with the length, a name, and what is in the clip", async () => {
  await using library = recorded();
  const app = setUp(library);
  const path = "/cameras/front/clip.mkv?from=-1h";
  const [get, head] = [await app.request(path), await app.request(path, { method: "HEAD" })];
  const bytes = await bytesOf(get);
  for (const { status, headers } of [get, head]) {
    assertEquals(status, 200);
    assertEquals(Object.fromEntries(headers), {
      "accept-ranges": "bytes",
      "cache-control": "private, no-cache, no-transform",
      "content-disposition": 'attachment; filename="front-2025-12-31T23-59-40Z.mkv"',
      "content-length": `${bytes.length}`,
      "content-type": "video/x-matroska",
      "etag": headers.get("ETag")!,
      "x-clip-duration": "10.000",
      "x-clip-frames": "250",
      "x-content-type-options": "nosniff",
      "x-timestamp": (FROM / 1000).toFixed(6),
    });
  }
  assertMatch(get.headers.get("ETag")!, /^"\S+"$/);
  assertEquals(head.body, null);
  assertEquals(library.open, 0);
});

Deno.test("GET clip.mjpeg responds with the frames of a period", async () => {
  await using library = recorded();
  const response = await setUp(library).request(
    "/cameras/front/clip.mjpeg?from=2025-12-31T23:59:40Z&to=2025-12-31T23:59:40.080Z",
  );
  assertEquals(response.headers.get("Content-Type"), "video/x-motion-jpeg");
  const frames = numberedFrames({ at: 0, count: 3 }).map(({ jpeg }) => jpeg);
  assertEquals(await bytesOf(response), join(...frames));
});

Deno.test("two ranges of a clip joined are the whole clip", async () => {
  await using library = recorded();
  const app = setUp(library);
  for (const format of ["mkv", "mjpeg"]) {
    const path = `/cameras/front/clip.${format}?from=-1h`;
    const whole = await bytesOf(await app.request(path));
    const ranges = ["bytes=0-9999", "bytes=10000-"].map((Range) => ({ headers: { Range } }));
    const [first, second] = [
      await app.request(path, ranges[0]),
      await app.request(path, ranges[1]),
    ];
    assertEquals([first.status, second.status], [206, 206]);
    const { length } = whole;
    assertEquals(first.headers.get("Content-Range"), `bytes 0-9999/${length}`);
    assertEquals(second.headers.get("Content-Range"), `bytes 10000-${length - 1}/${length}`);
    assertEquals(second.headers.get("Content-Length"), `${length - 10_000}`);
    assertEquals(join(await bytesOf(first), await bytesOf(second)), whole);
  }
});

Deno.test("a range beyond the clip gets a 416", async () => {
  await using library = recorded();
  const response = await setUp(library).request("/cameras/front/clip.mkv?from=-1h", {
    headers: { Range: "bytes=1000000-" },
  });
  assertEquals(response.status, 416);
  assertMatch(response.headers.get("Content-Range")!, /^bytes \*\/\d+$/);
  assertMatch(await response.text(), /^Range not satisfiable: the clip has \d+ bytes\n$/);
});

Deno.test("an ETag of a clip is that of its frames", async () => {
  await using library = recorded();
  const app = setUp(library);
  const etag = async (query: string) => {
    const response = await app.request(`/cameras/front/${query}`, { method: "HEAD" });
    return response.headers.get("ETag")!;
  };
  const first = await etag("clip.mkv?from=-1h");
  assertEquals(await etag("clip.mkv?from=-2h&to=-1s"), first);
  for (const query of ["from=-19s", "from=-1h&speed=2", "from=-1h&fps=5", "from=-1h&to=-11s"]) {
    assertNotEquals(await etag(`clip.mkv?${query}`), first);
  }
  assertNotEquals(await etag("clip.mjpeg?from=-1h"), first);

  const path = "/cameras/front/clip.mkv?from=-1h";
  const ask = (headers: Record<string, string>) => app.request(path, { headers });
  const known = await ask({ "If-None-Match": first });
  assertEquals([known.status, known.body], [304, null]);
  const Range = "bytes=0-9";
  const same = await ask({ Range, "If-Range": first });
  assertEquals([same.status, (await bytesOf(same)).length], [206, 10]);
  library.record(numberedFrames({ at: NOW - 5_000, count: 5 }));
  const other = await ask({ Range, "If-Range": first });
  assertEquals(other.status, 200);
  await other.body!.cancel();
});

Deno.test("a timelapse has at most 60 frames per second, and slow motion all frames", async () => {
  await using library = recorded();
  const app = setUp(library);
  const ask = async (query: string) => {
    const { headers } = await app.request(`/cameras/front/${query}`, { method: "HEAD" });
    return [Number(headers.get("X-Clip-Frames")), Number(headers.get("X-Clip-Duration"))];
  };
  assertEquals(await ask("clip.mkv?from=-1h&speed=5"), [120, 2.001]);
  assertEquals(await ask("clip.mkv?from=-1h&speed=5&fps=125"), [250, 2]);
  assertEquals(await ask("clip.mkv?from=-1h&speed=5&fps=5"), [10, 2]);
  assertEquals(await ask("clip.mkv?from=-1h&speed=0.5"), [250, 20]);
  assertEquals(await ask("clip.mjpeg?from=-1h&fps=12.5"), [125, 10]);
});

Deno.test("a clip of marks has a frame for each mark with the label", async () => {
  await using library = recorded();
  const app = setUp(library);
  const mark = { before: 0, after: 0, keep: false };
  for (let i = 0; i < 9; i++) {
    library.marks.push({ ...mark, label: "layer", at: FROM + i * 1000 });
    library.marks.push({ ...mark, label: "other", at: FROM + 10 });
  }
  const ask = async (query: string) => {
    const response = await app.request(`/cameras/front/clip.mjpeg?from=-1h&${query}`);
    return [await bytesOf(response), response.headers.get("X-Clip-Duration")];
  };
  const all = numberedFrames({ at: FROM, count: 250 }).map(({ jpeg }) => jpeg);
  const expected = join(...all.filter((_, i) => i % 25 === 0 && i < 225));
  assertEquals(await ask("marks=layer"), [expected, "0.360"]);
  assertEquals(await ask("marks=layer&fps=3"), [expected, "3.000"]);
  assertEquals((await ask("marks=layer&to=-18s"))[0], join(all[0]!, all[25]!, all[50]!));
});

const REFUSED: Record<string, readonly [query: string, status: number, message: string]> = {
  "a missing from": ["", 400, 'Cannot make a clip without "from": give a time, such as from=-60s'],
  "a wrong time": ["from=yesterday", 400, 'Cannot read "from" as a time'],
  "a wrong end": ["from=-1h&to=later", 400, 'Cannot read "to" as a time'],
  "from after to": [
    "from=-1m&to=-2m",
    400,
    "Cannot make a clip from 2025-12-31T23:59:00.000Z to 2025-12-31T23:58:00.000Z: " +
    '"from" must be before "to"',
  ],
  "an empty period": ["from=now&to=now", 400, '"from" must be before "to"'],
  "a wrong height": ["from=-1h&height=0", 400, 'Cannot read "height" as a whole number of pixels'],
  "a wrong quality": ["from=-1h&quality=101", 400, 'Cannot read "quality" as a whole number'],
  "a wrong overlay": ["from=-1h&overlay=on", 400, 'Cannot read "overlay" as 0 or 1'],
  "a negative speed": [
    "from=-1h&speed=-1",
    400,
    'Cannot read "speed" as a number above 0, such as 60 for a timelapse or 0.5 for slow motion: ' +
    'current value is "-1"',
  ],
  "no speed": ["from=-1h&speed=0", 400, 'Cannot read "speed" as a number above 0'],
  "an unlimited speed": [`from=-1h&speed=${"9".repeat(400)}`, 400, 'Cannot read "speed"'],
  "a wrong rate": ["from=-1h&fps=0", 400, 'Cannot read "fps" as a number above 0 and at most 240'],
  "a clip of months": ["from=-1h&speed=0.000001", 400, "more than 49 days"],
  "speed with marks": ["from=-1h&marks=layer&speed=2", 400, "Cannot use speed with marks"],
  "marks that do not exist": [
    "from=-1h&marks=layer",
    404,
    'Cannot make a clip of camera "front": it has no mark "layer" with a frame from ',
  ],
  "a period after the recording": [
    "from=-5s",
    404,
    'Cannot make a clip of camera "front": nothing is recorded from 2025-12-31T23:59:55.000Z to ' +
    "2026-01-01T00:00:00.000Z; the nearest recording is at 2025-12-31T23:59:49.960Z",
  ],
  "a period before the recording": [
    "from=-2h&to=-1h",
    404,
    "the nearest recording is at 2025-12-31T23:59:40.000Z",
  ],
};

for (const [name, [query, status, message]] of Object.entries(REFUSED)) {
  Deno.test(`a clip is refused for ${name}, in words`, async () => {
    await using library = recorded();
    const app = setUp(library);
    for (const format of ["mkv", "mjpeg", "mp4"]) {
      const response = await app.request(`/cameras/front/clip.${format}?${query}`);
      assertEquals(response.status, status);
      assertStringIncludes(await response.text(), message);
    }
  });
}

Deno.test("a clip of a camera without recordings is refused in words", async () => {
  await using library = new ClipLibrary();
  const response = await setUp(library).request("/cameras/front/clip.mkv?from=-1h");
  assertEquals(response.status, 404);
  assertStringIncludes(await response.text(), "; the camera has no recordings\n");
  const idle = await setUpRecording(undefined).app.request("/cameras/front/clip.mkv?from=-1h");
  assertEquals([idle.status, await idle.text()], [404, "Nothing is recorded: set RECORD_DIR\n"]);
});

Deno.test("clip.mp4 is refused with a 501 without ffmpeg", async () => {
  await using library = new ClipLibrary({ ffmpeg: "no-such-ffmpeg" });
  library.record(numberedFrames({ at: FROM, count: 10 }));
  for (const method of ["GET", "HEAD"]) {
    const response = await setUp(library).request("/cameras/front/clip.mp4?from=-1h", { method });
    assertEquals(response.status, 501);
    if (method === "HEAD") continue;
    assertEquals(
      await response.text(),
      "Cannot make an MP4 as ffmpeg is not installed: sudo apt install ffmpeg; " +
        "clip.mkv needs no ffmpeg\n",
    );
  }
});

Deno.test(
  "clip.mp4 says how many frames come; a third one gets a 503",
  needing("ffmpeg"),
  () =>
    leavingNoProcess(async () => {
      await using library = new ClipLibrary();
      library.record(uneven(NOW - 60_000, await pictures("640x480", 600)));
      const app = setUp(library);
      const path = "/cameras/front/clip.mp4?from=-1h";
      const responses = [await app.request(path), await app.request(path)];
      const head = await app.request(path, { method: "HEAD" });
      for (const { status, headers } of [...responses, head]) {
        assertEquals(status, 200);
        assertEquals(headers.get("Content-Type"), "video/mp4");
        assertEquals(headers.get("Content-Length"), null);
        assertEquals(headers.get("X-Clip-Frames"), "600");
        assertEquals(headers.get("X-Clip-Fragment-Frames"), "60");
        assert(headers.get("Content-Disposition")!.endsWith('Z.mp4"'));
      }
      const refused = await app.request(path);
      assertEquals([refused.status, refused.headers.get("Retry-After")], [503, "10"]);
      assertEquals(
        await refused.text(),
        "Cannot make another MP4 now: 2 are being made; try again in 10 seconds\n",
      );
      for (const { body } of responses) await body!.cancel();
    }),
);

Deno.test("a clip in another size has no known length and no ranges, but an estimate", async () => {
  await using library = recorded();
  const engine = new FakeEngine();
  const app = setUp(library, engine);
  for (const format of ["mkv", "mjpeg"]) {
    engine.times.length = 0;
    const path = `/cameras/front/clip.${format}?from=-1h&height=360&quality=low&overlay=1`;
    const headers = { Range: "bytes=0-9" };
    const [get, head] = [
      await app.request(path, { headers }),
      await app.request(path, { headers, method: "HEAD" }),
    ];
    assertEquals([head.body, engine.times.length], [null, 2]);
    const bytes = await bytesOf(get);
    for (const { status, headers } of [get, head]) {
      assertEquals(status, 200);
      assertEquals(Object.fromEntries(headers), {
        "accept-ranges": "none",
        "cache-control": "no-store",
        "content-disposition": `attachment; filename="front-2025-12-31T23-59-40Z.${format}"`,
        "content-type": headers.get("Content-Type")!,
        "x-accel-buffering": "no",
        "x-clip-duration": "10.000",
        "x-clip-estimated-length": headers.get("X-Clip-Estimated-Length")!,
        "x-clip-frames": "250",
        "x-content-type-options": "nosniff",
        "x-timestamp": (FROM / 1000).toFixed(6),
      });
    }
    const estimated = Number(get.headers.get("X-Clip-Estimated-Length"));
    if (format === "mkv") continue; // its frames have as much more as such small pictures
    const frames = numberedFrames({ at: 0, count: 250 }).map(({ jpeg }) => smaller(jpeg));
    assertEquals(bytes, join(...frames));
    assertAlmostEquals(estimated, bytes.length, bytes.length / 50);
    assertEquals(engine.times.at(-1), FROM + 249 * 40);
  }
  assertEquals(engine.tasks.map(({ height, quality, overlay }) => [height, quality, overlay]), [
    [360, 30, { text: "%name %date %time", place: "top", camera: "front" }],
  ]);
  assertEquals([library.open, engine.inFlight], [0, 0]);
});

Deno.test("a clip in another size is refused with a 422 if its first picture cannot be converted", async () => {
  await using library = recorded();
  const engine = new FakeEngine();
  engine.refuse = () => "progressive JPEG";
  const app = setUp(library, engine);
  for (const format of ["mkv", "mjpeg", "mp4"]) {
    const path = `/cameras/front/clip.${format}?from=-1h&height=360`;
    const head = await app.request(path, { method: "HEAD" });
    const get = await app.request(path);
    assertEquals([head.status, get.status], [422, 422]);
    assertEquals(
      await get.text(),
      "The recorded pictures cannot be converted: progressive JPEG\n",
    );
  }
  assertEquals([library.open, library.log], [0, []]);
});

Deno.test("a clip reports once for a segment which pictures it cannot convert", async () => {
  await using library = recorded();
  const engine = new FakeEngine();
  engine.refuse = (_, at) => at > FROM + 100 && at < FROM + 1_000 ? "progressive JPEG" : undefined;
  const response = await setUp(library, engine).request(
    "/cameras/front/clip.mjpeg?from=-1h&height=360",
  );
  const all = numberedFrames({ at: FROM, count: 250 });
  const kept = all.filter(({ at }) => !engine.refuse(all[0]!.jpeg, at));
  assertEquals(await bytesOf(response), join(...kept.map(({ jpeg }) => smaller(jpeg))));
  assertEquals(library.log, [
    "clip without frames that cannot be converted: progressive JPEG",
  ]);
});

Deno.test("as many clips in other sizes are sent at once as others", async () => {
  await using library = recorded();
  const app = setUp(library, new FakeEngine());
  const path = "/cameras/front/clip.mkv?from=-1h&height=360";
  const responses = await Promise.all(Array.from({ length: 32 }, () => app.request(path)));
  assert(responses.every(({ status }) => status === 200));
  const refused = await app.request(path);
  assertEquals([refused.status, refused.headers.get("Retry-After")], [503, "10"]);
  await responses[0]!.body!.cancel();
  const next = await app.request(path);
  assertEquals(next.status, 200);
  for (const { body } of [...responses.slice(1), next]) await body!.cancel();
  assertEquals(library.open, 0);
});
