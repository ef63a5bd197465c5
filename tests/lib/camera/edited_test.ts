import { assert, assertEquals, assertFalse } from "@std/assert";
import { edited, type EditedOptions, type EditEngine } from "../../../lib/camera/edited.ts";
import { BrokenImages, type NormalizedImage } from "../../../lib/camera/normalize.ts";
import type { PictureEdit } from "../../../lib/camera/picture_edit.ts";
import type { RefusalReport } from "../../../lib/camera/edit_results.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { editTask } from "../../../lib/pixels/edit_task.ts";
import type { Processed, Refused } from "../../../lib/pixels/task.ts";
import { pushing } from "../../../lib/hub/source.ts";
import { FakeSource } from "../../fake_source.ts";
import { iterating } from "../../iterating.ts";
import { settle } from "../../manual_clock.ts";

const SIZE = { width: 640, height: 480 };
const MASK = [{ left: 0, top: 0, right: 30, bottom: 20 }];
const NOTHING = {
  rotate: 0,
  flip: undefined,
  mask: undefined,
  overlay: undefined,
  overlayPlace: "top",
  smallSource: undefined,
} as const;

/** First byte of images that the fake engine refuses, and of those that must be turned. */
const PROGRESSIVE = 200, DAMAGED = 201, TURNED = 202;

/** An engine that adds 100 to the first byte of each image. */
class FakeEngine implements EditEngine {
  readonly taskOf = editTask;
  /** Images of the Worker whose results are pending. */
  readonly pending: { jpeg: Jpeg; resolve: (result: Processed | Refused) => void }[] = [];
  workers = 0;
  /** Monotonic time, and how much of it an image takes in this thread. */
  now = 0;
  time = 1;

  createProcessor() {
    return {
      process: (jpeg: Jpeg) => {
        this.now += this.time;
        return edit(jpeg);
      },
    };
  }

  openWorker() {
    this.workers++;
    return {
      process: (jpeg: Jpeg) =>
        new Promise<Processed | Refused>((resolve) => this.pending.push({ jpeg, resolve })),
      [Symbol.dispose]: () => {
        this.workers--;
        this.finish({ refused: "the Worker has ended" });
      },
    };
  }

  mustBeTurned(jpeg: Jpeg): boolean {
    return jpeg[0] === TURNED;
  }

  /** Ends the work on all pending images. */
  finish(result?: Refused): void {
    for (const { jpeg, resolve } of this.pending.splice(0)) resolve(result ?? edit(jpeg));
  }
}

function edit(jpeg: Jpeg): Processed | Refused {
  if (jpeg[0] === PROGRESSIVE) return { refused: "progressive JPEG" };
  if (jpeg[0] === DAMAGED) return { refused: "damaged JPEG" };
  return { jpeg: imageOf(jpeg[0]! + 100).jpeg, size: { width: 480, height: 640 } };
}

function imageOf(first: number): NormalizedImage {
  return { jpeg: new Uint8Array([first]), capturedAt: first, size: SIZE };
}

function setUp(picture: Partial<PictureEdit["picture"]> = { mask: MASK }) {
  const engine = new FakeEngine();
  const source = new FakeSource<NormalizedImage>();
  const broken = new BrokenImages();
  const counts = { refused: 0, skipped: 0 };
  const reports: RefusalReport[] = [];
  const options: EditedOptions = {
    edit: { camera: "front", picture: { ...NOTHING, ...picture }, applied: undefined },
    counts,
    broken,
    onRefused: (report) => reports.push(report),
    load: () => Promise.resolve(engine),
    now: () => engine.now,
  };
  const controller = new AbortController();
  const seen: NormalizedImage[] = [];
  const outcome = { now: "running" };
  const reading = (async () => {
    await edited(pushing(source.open), options)(controller.signal, (image) => seen.push(image));
  })();
  reading.then(() => outcome.now = "ended", (error) => outcome.now = error.message);
  const push = async (...images: number[]) => {
    await settle();
    for (const image of images) {
      source.push(imageOf(image));
      await settle();
    }
  };
  const firsts = () => seen.map(({ jpeg }) => jpeg[0]);
  const stop = async () => {
    controller.abort();
    await settle();
  };
  return { engine, source, broken, counts, reports, seen, outcome, push, firsts, stop, reading };
}

Deno.test("edited() replaces each image, and keeps its capture time", async () => {
  const { push, seen, stop, outcome, source } = setUp();
  await push(1, 2);
  assertEquals(seen, [
    { jpeg: new Uint8Array([101]), capturedAt: 1, size: { width: 480, height: 640 } },
    { jpeg: new Uint8Array([102]), capturedAt: 2, size: { width: 480, height: 640 } },
  ]);
  await stop();
  assertEquals([outcome.now, source.live], ["ended", 0]);
});

Deno.test("edited() drops and counts what cannot be masked, and explains it", async () => {
  const { push, firsts, stop, broken, counts } = setUp();
  await push(PROGRESSIVE);
  assertEquals(broken.explain()?.text, "JPEGs arrive that cannot be masked: progressive JPEG");
  await push(PROGRESSIVE);
  assertEquals(broken.explain()?.hint?.includes("baseline"), true);
  await push(1, PROGRESSIVE, 2);
  assertEquals(firsts(), [101, 102]);
  assertEquals([broken.total, counts.refused], [3, 3]);
  assertEquals(broken.explain(), undefined);
  await stop();
});

Deno.test("edited() reports each reason once per capture, from the third picture on", async () => {
  const { push, reports, stop } = setUp();
  await push(PROGRESSIVE, 1, PROGRESSIVE, DAMAGED, 2);
  assertEquals(reports, []);
  await push(PROGRESSIVE, DAMAGED, PROGRESSIVE, PROGRESSIVE);
  assertEquals(reports.map(({ reason }) => reason), [
    "pictures that cannot be masked are dropped: progressive JPEG",
  ]);
  await push(DAMAGED);
  assertEquals(reports.map(({ reason }) => reason).slice(1), [
    "pictures that cannot be masked are dropped: damaged JPEG",
  ]);
  await stop();
});

Deno.test("edited() shows a picture without its text, but not one that is not turned", async () => {
  const text = setUp({ overlay: "%name" });
  await text.push(PROGRESSIVE, PROGRESSIVE, PROGRESSIVE);
  assertEquals(text.firsts(), [PROGRESSIVE, PROGRESSIVE, PROGRESSIVE]);
  assertEquals([text.broken.total, text.counts.refused], [0, 3]);
  assertEquals(text.reports.map(({ reason }) => reason), [
    "pictures that cannot get a text are shown without it: progressive JPEG",
  ]);
  await text.stop();
  for (const picture of [{ rotate: 90 }, { flip: "both" }, { mask: MASK, overlay: "x" }] as const) {
    const { push, firsts, stop } = setUp(picture);
    await push(PROGRESSIVE);
    assertEquals(firsts(), []);
    await stop();
  }
});

Deno.test("edited() turns pictures in a Worker, where the newest one wins", async () => {
  const { engine, push, firsts, counts, stop, source, outcome } = setUp({ rotate: 90 });
  await push(1);
  assertEquals([firsts(), engine.workers], [[101], 0]);
  await push(TURNED, 2, 3, 4); // the first one is in the Worker
  assertEquals([firsts(), engine.workers, counts.skipped], [[101], 1, 2]);
  engine.finish();
  await settle();
  engine.finish();
  await settle();
  assertEquals(firsts(), [101, (TURNED + 100) % 256, 104]);
  await stop();
  assertEquals([engine.workers, source.live, outcome.now], [0, 0, "ended"]);
});

Deno.test("edited() uses a Worker if most pictures take more than 5 ms", async () => {
  const { engine, push, firsts, stop } = setUp();
  const pictures = Array.from({ length: 40 }, () => 1);
  engine.time = 4.9;
  await push(...pictures);
  engine.time = 20;
  await push(...pictures.slice(0, 25));
  engine.time = 1;
  await push(...pictures.slice(0, 25));
  assertEquals([firsts().length, engine.workers], [90, 0]);
  engine.time = 5.1;
  await push(...pictures);
  assertEquals([firsts().length, engine.workers], [121, 1]);
  engine.finish();
  await settle();
  assertEquals(firsts().length, 122);
  await stop();
  assertEquals(engine.workers, 0);
});

Deno.test("edited() drops what its Worker refuses", async () => {
  const { engine, push, firsts, broken, stop } = setUp();
  await push(TURNED, PROGRESSIVE);
  engine.finish();
  await settle();
  engine.finish();
  await push(1);
  engine.finish();
  await settle();
  assertEquals([firsts(), broken.total], [[(TURNED + 100) % 256, 101], 1]);
  await stop();
});

Deno.test("edited() ends with its signal while its Worker is at work, and counts nothing", async () => {
  const { engine, push, seen, counts, broken, stop, outcome, source } = setUp({ rotate: 90 });
  await push(TURNED, 1);
  await stop();
  assertEquals([outcome.now, engine.workers, source.live], ["ended", 0, 0]);
  assertEquals([seen, counts.refused, broken.total], [[], 0, 0]);
});

Deno.test("edited() fails with its source, with and without a Worker", async () => {
  for (const first of [1, TURNED]) {
    const { engine, push, source, outcome, firsts } = setUp();
    await push(first);
    source.fail(new Error("unplugged"));
    await settle();
    engine.finish();
    await settle();
    assertEquals([outcome.now, firsts().length, engine.workers], ["unplugged", 1, 0]);
  }
});

Deno.test("edited() ends its source when its reader leaves, with and without a Worker", async () => {
  for (const first of [1, TURNED]) {
    const { engine, source } = setUp();
    const options = {
      edit: { camera: "front", picture: { ...NOTHING, mask: MASK }, applied: undefined },
      counts: { refused: 0, skipped: 0 },
      broken: new BrokenImages(),
      onRefused: () => {},
      load: () => Promise.resolve(engine),
    };
    const own = new FakeSource<NormalizedImage>();
    const open = iterating(edited(pushing(own.open), options));
    const images = open(new AbortController().signal)[Symbol.asyncIterator]();
    const next = images.next();
    await settle();
    own.push(imageOf(first));
    await settle();
    engine.finish();
    assertFalse((await next).done);
    await images.return?.();
    assertEquals([own.live, engine.workers, source.opened], [0, 0, 1]);
  }
});

Deno.test("edited() passes all images as they are if the driver does everything itself", async () => {
  const source = new FakeSource<NormalizedImage>();
  const applied = { rotation: 180, mirrored: false } as const;
  const open = iterating(edited(pushing(source.open), {
    edit: { camera: "front", picture: { ...NOTHING, rotate: 180 }, applied },
    counts: { refused: 0, skipped: 0 },
    broken: new BrokenImages(),
    onRefused: () => {},
    load: () => Promise.resolve(new FakeEngine()),
  }));
  const controller = new AbortController();
  const images = open(controller.signal)[Symbol.asyncIterator]();
  const next = images.next();
  await settle();
  const image = imageOf(PROGRESSIVE);
  source.push(image);
  assert((await next).value === image);
  controller.abort();
  assertEquals((await images.next()).done, true);
});
