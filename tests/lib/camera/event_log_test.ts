import { assert, assertEquals } from "@std/assert";
import { logCameraEvents } from "../../../lib/camera/event_log.ts";
import type { CameraEvent } from "../../../lib/camera/events.ts";
import { CameraError } from "../../../lib/errors.ts";
import { Events } from "../../../lib/events.ts";
import { createLog } from "../../../lib/log.ts";
import { ManualClock } from "../../manual_clock.ts";

const SMALL = { width: 320, height: 240 };
const LARGE = { width: 640, height: 480 };

function setUp() {
  const clock = new ManualClock();
  const lines: string[] = [];
  const events = new Events<CameraEvent>();
  const log = createLog({ clock, write: (line) => void lines.push(line.slice(25)) });
  const logging = logCameraEvents(events, { clock, log });
  const emit = (event: CameraEvent) => events.emit(event);
  const fail = (message: string, camera = "front") =>
    emit({ type: "camera failed", camera, error: new CameraError(message), retryDelay: 0 });
  return { clock, lines, emit, fail, logging };
}

Deno.test("logCameraEvents() bounds the lines of a camera with frames of two sizes in turn", async () => {
  const { clock, lines, emit } = setUp();
  for (let frame = 0; frame < 3_000; frame++) { // at 10 fps for 5 minutes
    emit({ type: "camera size changed", camera: "front", size: frame % 2 ? SMALL : LARGE });
    await clock.advance(100);
  }
  assert(lines.length <= 5 * 22, `${lines.length} lines`);
  assertEquals(lines.slice(19, 23), [
    "info camera size changed camera=front width=320 height=240",
    "warn camera events not logged camera=front seconds=60",
    'info camera events logged again camera=front suppressed=600 latest="camera size changed" ' +
    "width=320 height=240",
    "info camera size changed camera=front width=640 height=480",
  ]);
});

Deno.test("logCameraEvents() bounds the lines of a camera whose reasons differ each time", async () => {
  const { clock, lines, fail } = setUp();
  for (let n = 0; n < 600; n++) { // for 10 minutes
    fail(`segmentation fault at 0x${n.toString(16)}`);
    await clock.advance(1_000);
  }
  assert(lines.length <= 10 * 22, `${lines.length} lines`);
  assertEquals(
    lines[21],
    'info camera events logged again camera=front suppressed=60 latest="camera failed" ' +
      'reason="segmentation fault at 0x4f"',
  );
});

Deno.test("logCameraEvents() bounds the lines of all cameras together", async () => {
  const { clock, lines, fail } = setUp();
  for (let n = 0; n < 30_000; n++) {
    fail("nobody publishes it", `camera${n}`);
    if (n % 1_000 === 0) await clock.advance(10_000);
  }
  assert(lines.length <= 5 * 1_002, `${lines.length} lines`);
  assert(lines.includes("warn events of all cameras not logged seconds=60"));
  await clock.advance(60_000);
  fail("cable unplugged", "back");
  assertEquals(lines.at(-1), 'warn camera failed camera=back reason="cable unplugged"');
});

Deno.test("logCameraEvents() still logs the events of other cameras", () => {
  const { lines, fail } = setUp();
  for (let n = 0; n < 100; n++) fail(`error ${n}`);
  fail("cable unplugged", "back");
  assertEquals(lines.length, 20 + 1 + 1);
  assertEquals(lines.at(-1), 'warn camera failed camera=back reason="cable unplugged"');
});

Deno.test("logCameraEvents() logs a failure that repeats once, and again after a suspension", async () => {
  const { clock, lines, emit, fail } = setUp();
  for (let n = 0; n < 100; n++) fail("busy");
  assertEquals(lines, ["warn camera failed camera=front reason=busy"]);
  for (let n = 0; n < 100; n++) emit({ type: "camera stopped", camera: "front" });
  fail("unplugged");
  await clock.advance(60_000);
  fail("unplugged");
  assertEquals(lines.at(-1), "warn camera failed camera=front reason=unplugged");
});

Deno.test("logCameraEvents() shortens a reason of any length", () => {
  const { lines, fail } = setUp();
  fail("x".repeat(1_000_000));
  assert(lines[0]!.length < 1_100);
});

Deno.test("logCameraEvents() logs nothing after it is disposed", async () => {
  const { clock, lines, fail, logging } = setUp();
  for (let n = 0; n < 30; n++) fail(`error ${n}`);
  logging[Symbol.dispose]();
  fail("late");
  await clock.advance(60_000);
  assertEquals(lines.length, 21);
});

Deno.test("logCameraEvents() bounds the lines about cameras that appear, whatever their names", async () => {
  const { clock, lines, emit } = setUp();
  for (let n = 0; n < 1_000; n++) {
    emit({ type: "camera appeared", camera: `camera-${n}`, driver: "net" });
    emit({ type: "camera disappeared", camera: `camera-${n}`, driver: "net" });
  }
  assertEquals(lines.slice(0, 2), [
    "info camera appeared camera=camera-0 driver=net",
    "info camera disappeared camera=camera-0 driver=net",
  ]);
  assertEquals(lines.length, 21);
  await clock.advance(60_000);
  assertEquals(
    lines.at(-1),
    'info camera events logged again camera=net suppressed=1980 latest="camera disappeared" driver=net',
  );
});

Deno.test("logCameraEvents() logs the same failure again after a camera has disappeared", () => {
  const { lines, emit, fail } = setUp();
  fail("gone");
  fail("gone");
  emit({ type: "camera disappeared", camera: "front", driver: "net" });
  fail("gone");
  assertEquals(lines.filter((line) => line.includes("failed")).length, 2);
});
