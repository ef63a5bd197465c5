import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Camera } from "../../../lib/camera/camera.ts";
import { logCameraEvents } from "../../../lib/camera/event_log.ts";
import type { CameraEvent } from "../../../lib/camera/events.ts";
import { CameraError, ImmediateStop } from "../../../lib/errors.ts";
import type { Frame, Jpeg } from "../../../lib/frame.ts";
import type { Subscriber } from "../../../lib/hub/hub.ts";
import type { Open } from "../../../lib/hub/source.ts";
import { Events } from "../../../lib/events.ts";
import { createLog } from "../../../lib/log.ts";
import { FakeSource } from "../../fake_source.ts";
import { ManualClock, settle } from "../../manual_clock.ts";
import { sampleJpeg } from "../jpeg/sample_jpegs.ts";

const JPEG = sampleJpeg();

interface Options {
  idleTimeout?: number;
  fps?: number;
  /** Replaces the fake source. */
  open?: (clock: ManualClock) => Open<Jpeg>;
}

function setUp({ idleTimeout = 10_000, fps, open }: Options = {}) {
  const clock = new ManualClock();
  const source = new FakeSource<Jpeg>();
  const lines: string[] = [];
  const events = new Events<CameraEvent>();
  const log = createLog({ clock, write: (line) => lines.push(line.slice(25)) });
  logCameraEvents(events, { clock, log });
  const camera = new Camera({
    name: "front",
    driver: "pi",
    open: open?.(clock) ?? source.open,
    idleTimeout,
    fps,
    clock,
    events,
  });
  /** Runs everything that is due now. */
  const now = async () => {
    await settle();
    await clock.advance(0);
  };
  /** Pushes `count` frames, one every 100 ms. */
  const flow = async (count = 1) => {
    for (let n = 0; n < count; n++) {
      if (n > 0) await clock.advance(100);
      source.push(JPEG);
      await settle();
    }
  };
  /** Fails the current opening, and runs everything that follows at once. */
  const fail = async (error: unknown) => {
    await now();
    source.fail(error);
    await now();
  };
  return { clock, source, lines, camera, now, flow, fail };
}

/** A viewer that records its frames. */
class Viewer implements Subscriber<Frame> {
  readonly role = "viewer";
  readonly frames: Frame[] = [];
  ended = false;

  offer(frame: Frame): void {
    this.frames.push(frame);
  }

  end(): void {
    this.ended = true;
  }
}

/** State of a promise: "waiting", "ready", or its error message. */
function watch(promise: Promise<unknown>): { now: string } {
  const outcome = { now: "waiting" };
  promise.then(() => outcome.now = "ready", (error) => outcome.now = error.message);
  return outcome;
}

Deno.test("Camera delivers frames with their capture time to its viewers, numbered from 1", async () => {
  const { clock, source, camera, now } = setUp();
  const viewer = new Viewer();
  camera.join(viewer);
  await now();
  const times = [];
  for (let n = 0; n < 3; n++) {
    await clock.advance(1_000);
    times.push(clock.now());
    source.push(JPEG);
    await settle();
  }
  assertEquals(viewer.frames.map(({ sequence }) => sequence), [1, 2, 3]);
  assertEquals(viewer.frames.map(({ capturedAt }) => capturedAt), times);
  assertStrictEquals(viewer.frames[0]!.jpeg, JPEG);
  await camera.close();
});

Deno.test("Camera runs only while it has viewers, and for the idle timeout", async () => {
  const { clock, source, camera, now, flow } = setUp();
  await clock.advance(60_000);
  assertEquals([source.opened, camera.stats().state], [0, "off"]);
  const viewer = new Viewer();
  camera.join(viewer);
  await now();
  assertEquals(camera.stats().state, "starting");
  await flow(3);
  assertEquals([camera.stats().state, camera.stats().viewers], ["streaming", 1]);
  camera.leave(viewer);
  for (let n = 0; n < 9; n++) {
    await clock.advance(1_000);
    await flow();
  }
  assertEquals(camera.latest?.sequence, 12);
  await clock.advance(1_000);
  assertEquals([source.live, camera.stats().state, camera.latest], [0, "off", undefined]);
  assertEquals([camera.stats().fps, camera.stats().frames], [0, 12]);
});

Deno.test("Camera with an infinite idle timeout starts without a viewer", async () => {
  const { source, camera, now } = setUp({ idleTimeout: Infinity });
  await now();
  assertEquals([source.opened, camera.stats().viewers], [1, 0]);
  await camera.close();
});

Deno.test("Camera keeps its counters and its viewers over restarts", async () => {
  const { source, camera, now, flow, fail } = setUp();
  const viewer = new Viewer();
  camera.join(viewer);
  await now();
  await flow(2);
  await fail(new CameraError("unplugged"));
  await flow(2);
  assertEquals(viewer.frames.map(({ sequence }) => sequence), [1, 2, 3, 4]);
  assertEquals([source.opened, viewer.ended], [2, false]);
  const { frames, failures, viewers, error, lastFailure } = camera.stats();
  assertEquals({ frames, failures, viewers }, { frames: 4, failures: 1, viewers: 1 });
  // The last failure is kept, but there is no current error.
  assertEquals([error, lastFailure?.message], [undefined, "unplugged"]);
  await camera.close();
});

Deno.test("Camera replaces a hung capture after 3 s without a frame, or 8 frame intervals", async () => {
  for (const [fps, limit] of [[undefined, 3_000], [30, 3_000], [1, 8_000]] as const) {
    const { clock, source, camera, now, flow } = setUp({ fps });
    camera.join(new Viewer());
    await now();
    await flow();
    await clock.advance(limit - 1);
    assertEquals([source.opened, camera.error], [1, undefined]);
    await clock.advance(1);
    await now();
    assertEquals([source.opened, source.most], [2, 1]);
    assertEquals(camera.error?.message, `No picture for ${limit / 1_000} s`);
    await flow();
    assertEquals([camera.error, camera.latest?.sequence], [undefined, 2]);
    await camera.close();
  }
});

Deno.test("Camera.ready() waits for the first frame, and returns at once while frames flow", async () => {
  const { clock, camera, now, flow } = setUp();
  camera.join(new Viewer());
  const outcome = watch(camera.ready());
  await now();
  await clock.advance(9_000);
  assertEquals(outcome.now, "waiting");
  await flow();
  assertEquals(outcome.now, "ready");
  await clock.advance(2_000);
  await camera.ready();
  await camera.close();
});

Deno.test("Camera.ready() fails after 10 s without a first frame, or 8 frame intervals", async () => {
  for (const [fps, timeout] of [[30, 10_000], [0.5, 16_000]] as const) {
    const { clock, camera } = setUp({ fps });
    camera.join(new Viewer());
    const outcome = watch(camera.ready());
    await clock.advance(timeout - 1);
    assertEquals(outcome.now, "waiting");
    await clock.advance(1);
    assertEquals(outcome.now, `No first picture for ${timeout / 1_000} s`);
    await camera.close();
  }
});

Deno.test("Camera.ready() waits through the immediate restart after a first failure", async () => {
  const { camera, now, flow, fail } = setUp();
  camera.join(new Viewer());
  const outcome = watch(camera.ready());
  await fail(new CameraError("in use by another process"));
  assertEquals([outcome.now, camera.error?.message], ["waiting", "in use by another process"]);
  const second = watch(camera.ready());
  await now();
  assertEquals(second.now, "waiting");
  await flow();
  assertEquals([outcome.now, second.now, camera.error], ["ready", "ready", undefined]);
  await camera.close();
});

Deno.test("Camera.ready() fails with the reason when the back-off begins, and during it", async () => {
  const { clock, camera, flow, fail } = setUp();
  camera.join(new Viewer());
  const outcome = watch(camera.ready());
  await fail(new CameraError("no cameras available", { hint: "look at the cable" }));
  await fail(new CameraError("no cameras available", { hint: "look at the cable" }));
  assertEquals([outcome.now, camera.retryAfter], ["no cameras available", 500]);
  await clock.advance(400);
  const error = await assertRejects(() => camera.ready(), CameraError);
  assertEquals([error.hint, camera.retryAfter], ["look at the cable", 100]);
  // After the delay, clients wait for frames again.
  await clock.advance(100);
  const again = watch(camera.ready());
  await settle();
  assertEquals(again.now, "waiting");
  await flow();
  assertEquals(again.now, "ready");
  await camera.close();
});

Deno.test("Camera.ready() waits again after frames have stopped, and fails with the reason", async () => {
  const { camera, now, flow, fail } = setUp();
  camera.join(new Viewer());
  await now();
  await flow(2);
  await fail(new CameraError("unplugged"));
  assertEquals(camera.latest, undefined);
  const outcome = watch(camera.ready());
  await settle();
  assertEquals(outcome.now, "waiting");
  await fail(new CameraError("no cameras available"));
  assertEquals(outcome.now, "no cameras available");
  await camera.close();
});

Deno.test("Camera.ready() waits again when the camera was off", async () => {
  const { clock, camera, now, flow } = setUp();
  const viewer = new Viewer();
  camera.join(viewer);
  await now();
  await flow();
  camera.leave(viewer);
  for (let n = 0; n < 5; n++) {
    await clock.advance(2_000);
    if (n < 4) await flow();
  }
  assertEquals(camera.stats().state, "off");
  camera.join(viewer);
  const outcome = watch(camera.ready());
  await now();
  assertEquals(outcome.now, "waiting");
  await flow();
  assertEquals(outcome.now, "ready");
  await camera.close();
});

Deno.test("Camera.ready() fails at once after a permanent failure, and the next call retries", async () => {
  const { clock, source, camera, now, flow, fail } = setUp();
  camera.join(new Viewer());
  const first = watch(camera.ready());
  await fail(new CameraError("Cannot find rpicam-vid on this machine", { permanent: true }));
  assertEquals(first.now, "Cannot find rpicam-vid on this machine");
  await clock.advance(3_600_000);
  assertEquals([source.opened, camera.stats().state], [1, "failed"]);
  const second = watch(camera.ready());
  await now();
  assertEquals([source.opened, second.now], [2, "waiting"]);
  await flow();
  assertEquals([second.now, camera.stats().state], ["ready", "streaming"]);
  await camera.close();
});

for (const permanent of [false, true]) {
  for (const idleTimeout of [0, 10_000]) {
    const what = `${permanent ? "permanent " : ""}failures, idle after ${idleTimeout} ms`;
    Deno.test(`Camera starts only as often as its back-off allows, whatever clients request: ${what}`, async () => {
      let opened = 0;
      const { clock, camera } = setUp({
        idleTimeout,
        open: (clock) =>
          // deno-lint-ignore require-yield
          async function* (signal) {
            opened++;
            await clock.sleep(30, signal);
            throw new CameraError("broken", { permanent });
          },
      });
      const answers: { now: string }[] = [];
      for (let n = 0; n < 200; n++) { // two clients every 100 ms for 20 s
        for (let client = 0; client < 2; client++) {
          const viewer = new Viewer();
          camera.join(viewer);
          answers.push(watch(camera.ready().finally(() => camera.leave(viewer))));
        }
        await clock.advance(100);
      }
      assert(opened >= 2 && opened <= 12, `opened ${opened} times`);
      assertEquals(new Set(answers.map(({ now }) => now)), new Set(["broken"]));
      await camera.close();
    });
  }
}

Deno.test("Camera opens a source at once that ends every few seconds after good frames", async () => {
  const { source, lines, camera, now, flow } = setUp();
  const viewer = new Viewer();
  camera.join(viewer);
  await now();
  for (let n = 1; n <= 30; n++) {
    await flow(25); // for 2.4 s
    source.end();
    await now();
    assertEquals([camera.retryAfter, source.live, source.opened], [0, 1, n + 1]);
  }
  assertEquals([viewer.frames.length, viewer.ended], [750, false]);
  assert(lines.length <= 3 * 22, `${lines.length} lines`);
  await camera.close();
});

Deno.test("Camera retries forever while it has a viewer", async () => {
  const { clock, source, camera, flow, fail } = setUp();
  const viewer = new Viewer();
  camera.join(viewer);
  for (let n = 0; n < 20; n++) {
    await fail(new CameraError("unplugged"));
    await clock.advance(camera.retryAfter);
  }
  assertEquals([source.live, viewer.ended], [1, false]);
  await flow();
  assertEquals([viewer.frames.length, camera.stats().failures], [1, 20]);
  await camera.close();
});

Deno.test("Camera.frame() returns the latest frame if it is recent enough, without a new viewer", async () => {
  const { clock, camera, now, flow } = setUp();
  camera.join(new Viewer());
  await now();
  await flow(2);
  await clock.advance(80);
  assertEquals((await camera.frame(80)).sequence, 2);
  assertEquals((await camera.frame(5_000)).sequence, 2);
  assertEquals(camera.stats().viewers, 1);
  await camera.close();
});

Deno.test("Camera.frame() waits for a frame that arrives after the request", async () => {
  const { clock, camera, now, flow } = setUp();
  camera.join(new Viewer());
  await now();
  await flow();
  await clock.advance(1);
  const found = camera.frame();
  assertEquals(camera.stats().viewers, 2);
  await clock.advance(30);
  await flow();
  assertEquals((await found).sequence, 2);
  assertEquals(camera.stats().viewers, 1);
  await camera.close();
});

Deno.test("Camera.frame() starts a camera that is off, and leaves it afterwards", async () => {
  const { clock, source, camera, now, flow } = setUp({ idleTimeout: 2_000 });
  const found = camera.frame();
  await now();
  await clock.advance(500);
  await flow();
  assertEquals((await found).sequence, 1);
  assertEquals(camera.stats().viewers, 0);
  await clock.advance(2_000);
  assertEquals([source.opened, source.live], [1, 0]);
});

Deno.test("Camera.frame() fails with the reason and leaves no viewer behind", async () => {
  const { camera, fail } = setUp();
  const unanswered = watch(camera.frame());
  await fail(new CameraError("busy"));
  await fail(new CameraError("busy"));
  assertEquals([unanswered.now, camera.stats().viewers], ["busy", 0]);
  assertEquals(camera.stats().viewers, 0);
  await camera.close();
});

Deno.test("Camera.frame() fails after 10 s when frames have stopped, and leaves no viewer behind", async () => {
  const { clock, camera, now, flow } = setUp();
  camera.join(new Viewer());
  await now();
  await flow(3);
  await clock.advance(1);
  const picture = watch(camera.frame());
  await clock.advance(9_999);
  assertEquals([picture.now, camera.stats().viewers], ["waiting", 2]);
  await clock.advance(1);
  assertEquals([picture.now, camera.stats().viewers], ["No picture for 3 s", 1]);
  await camera.close();
});

Deno.test("Camera.stats() returns state and counters", async () => {
  const { clock, camera, now, flow, fail } = setUp();
  const off = camera.stats();
  assertEquals([off.name, off.driver, off.size, off.error], ["front", "pi", undefined, undefined]);
  camera.join(new Viewer());
  await now();
  await flow(20);
  for (let n = 0; n < 3; n++) camera.countDropped("viewer");
  camera.countDropped("background");
  const { sent: _, ...stats } = camera.stats();
  assertEquals(stats, {
    name: "front",
    driver: "pi",
    state: "streaming",
    fps: 10,
    viewers: 1,
    size: { width: 640, height: 480 },
    error: undefined,
    failingSince: undefined,
    lastFailure: undefined,
    frames: 20,
    backgroundSubscribers: 0,
    dropped: 3,
    backgroundDropped: 1,
    broken: 0,
    refused: 0,
    editSkipped: 0,
    failures: 0,
  });
  const error = new CameraError("unplugged");
  const failedAt = clock.now();
  await fail(error);
  await clock.advance(500);
  await fail(error);
  const { state, fps, error: reason, failingSince } = camera.stats();
  assertEquals({ state, fps, reason, failingSince }, {
    state: "failed",
    fps: 0,
    reason: error,
    failingSince: failedAt,
  });
  await clock.advance(0);
  await camera.close();
});

Deno.test("Camera counts the drops of subscriptions, and viewers apart from background subscribers", async () => {
  const { camera, now, flow } = setUp();
  using viewer = camera.subscribe({ role: "viewer" });
  using recorder = camera.subscribe({ depth: 3, role: "background" });
  const reading = [viewer.next(), recorder.next()];
  await now();
  await flow(1);
  await Promise.all(reading);
  await flow(5); // neither subscriber reads any more
  const { viewers, backgroundSubscribers, dropped, backgroundDropped } = camera.stats();
  assertEquals([viewers, backgroundSubscribers], [1, 1]);
  assertEquals([dropped, backgroundDropped], [4, 2]);
  await camera.close();
});

Deno.test("Camera stays failed after its viewers have left, until frames flow again", async () => {
  const { clock, camera, now, flow, fail } = setUp({ idleTimeout: 2_000 });
  const viewer = new Viewer();
  camera.join(viewer);
  await fail(new CameraError("unplugged"));
  camera.leave(viewer);
  await clock.advance(60_000);
  const { state, viewers, error } = camera.stats();
  assertEquals([state, viewers, error?.message], ["failed", 0, "unplugged"]);
  camera.join(viewer);
  await now();
  assertEquals(camera.stats().state, "failed");
  await flow();
  assertEquals([camera.stats().state, camera.error], ["streaming", undefined]);
  await camera.close();
});

Deno.test("Camera drops images that are not JPEGs, and counts them with those that its splitter dropped", async () => {
  const { camera, now } = setUp({
    open: () => (signal) => {
      async function* images(): AsyncGenerator<Jpeg> {
        for (const jpeg of [JPEG, new TextEncoder().encode("<html>"), JPEG, new Uint8Array(0)]) {
          yield await Promise.resolve(jpeg);
        }
        if (!signal.aborted) throw new CameraError("unplugged");
      }
      return Object.assign(images(), { counts: { broken: 5, skippedBytes: 100 } });
    },
  });
  const viewer = new Viewer();
  camera.join(viewer);
  await now();
  // Each of the two openings has counts of its driver, from 0.
  assertEquals([viewer.frames.length, camera.stats().broken], [4, 14]);
  assertEquals(camera.stats().failures, 2);
  await camera.close();
});

Deno.test("Camera reports the size of its frames, and its changes", async () => {
  const { source, lines, camera, now } = setUp();
  camera.join(new Viewer());
  await now();
  for (const width of [640, 640, 320, 320]) {
    source.push(sampleJpeg({ width, height: 240 }));
    await settle();
    assertEquals(camera.stats().size, { width, height: 240 });
  }
  assertEquals(lines, [
    "info camera starting camera=front driver=pi",
    "info camera started camera=front width=640 height=240",
    "info camera size changed camera=front width=320 height=240",
  ]);
  await camera.close();
});

Deno.test("Camera emits each start, failure, recovery and stop, and the log has a repeated failure once", async () => {
  const { clock, lines, camera, now, flow, fail } = setUp();
  camera.join(new Viewer());
  await now();
  await flow(5);
  for (let n = 0; n < 4; n++) {
    await fail(new CameraError("Cannot open", { hint: "look at the cable", cause: Error("busy") }));
    await clock.advance(camera.retryAfter);
  }
  await now();
  await flow();
  await fail(new CameraError("Cannot open", { cause: Error("busy") }));
  await camera.close();
  assertEquals(lines, [
    "info camera starting camera=front driver=pi",
    "info camera started camera=front width=640 height=480",
    'warn camera failed camera=front reason="Cannot open: busy" hint="look at the cable"',
    "info camera recovered camera=front width=640 height=480",
    'warn camera failed camera=front reason="Cannot open: busy"',
    "info camera stopped camera=front",
  ]);
});

Deno.test("Camera.close() ends viewers and waiting clients, and passes its reason to the capture", async () => {
  const { source, camera, now } = setUp();
  const viewer = new Viewer();
  camera.join(viewer);
  const waiting = watch(camera.ready());
  const picture = watch(camera.frame());
  await now();
  const reason = new ImmediateStop("The server is shutting down");
  await camera.close(reason);
  assertEquals([viewer.ended, source.live, source.reason], [true, 0, reason]);
  assertEquals([waiting.now, picture.now], Array(2).fill("The server is shutting down"));
});

for (const streaming of [false, true]) {
  const what = streaming ? "was streaming" : "was off";
  Deno.test(`Camera that ${what} delivers no frames after close(), and fails at once`, async () => {
    const { source, camera, now, flow } = setUp();
    if (streaming) {
      camera.join(new Viewer());
      await now();
      await flow(3);
    }
    await camera.close();
    const viewer = new Viewer();
    camera.join(viewer);
    const waiting = watch(camera.ready());
    const picture = watch(camera.frame(60_000));
    await settle();
    assertEquals([waiting.now, picture.now], Array(2).fill("The server is shutting down"));
    assertEquals([viewer.ended, source.live], [true, 0]);
  });
}

Deno.test("Camera keeps working when the wall clock is set", async () => {
  const { clock, camera, now, flow } = setUp();
  camera.join(new Viewer());
  await now();
  await flow(20);
  const wallClock = clock.now.bind(clock);
  clock.now = () => wallClock() - 3_600_000;
  await flow(20);
  assertEquals([Math.round(camera.stats().fps), camera.error], [10, undefined]);
  const found = camera.frame();
  await clock.advance(1);
  await flow();
  await found;
  await camera.close();
});

Deno.test("Camera without viewers is off, not failed, once its failure's promise is fulfilled", async () => {
  const { camera, lines, clock, fail, now } = setUp({ idleTimeout: 0 });
  const { promise, resolve } = Promise.withResolvers<void>();
  const error = new CameraError("Nobody publishes it", { retryWhen: promise });
  const viewer = new Viewer();
  camera.join(viewer);
  await fail(error);
  await fail(error);
  camera.leave(viewer);
  await now();
  assertEquals([camera.stats().state, camera.error], ["failed", error]);
  resolve();
  await now();
  const { state, failingSince, lastFailure, failures } = camera.stats();
  assertEquals([state, failingSince, camera.error], ["off", undefined, undefined]);
  assertEquals([lastFailure, failures], [error, 2]);
  await clock.advance(60_000);
  assertEquals(lines.at(-1), "info camera stopped camera=front");
  await camera.close();
});

Deno.test("Camera with viewers starts again once its failure's promise is fulfilled", async () => {
  const { camera, source, clock, flow, fail, now } = setUp();
  const { promise, resolve } = Promise.withResolvers<void>();
  const viewer = new Viewer();
  camera.join(viewer);
  for (let n = 0; n < 8; n++) {
    await fail(new CameraError("Nobody publishes it", { retryWhen: promise }));
    if (n < 7) await clock.advance(camera.retryAfter);
  }
  assertEquals([camera.retryAfter, source.live], [10_000, 0]);
  resolve();
  await now();
  assertEquals(camera.stats().state, "failed");
  await clock.advance(1_000);
  await flow();
  assertEquals([camera.stats().state, viewer.frames.length], ["streaming", 1]);
  await camera.close();
});

Deno.test("Camera reports the reason with which it was closed", async () => {
  const { camera } = setUp();
  await camera.close(new CameraError('Camera "front" has disappeared'));
  await assertRejects(() => camera.ready(), CameraError, "has disappeared");
  await assertRejects(() => camera.frame(), CameraError, "has disappeared");
});
