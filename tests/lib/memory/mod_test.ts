import { assertEquals } from "@std/assert";
import type { CameraEvent } from "../../../lib/camera/events.ts";
import { Events } from "../../../lib/events.ts";
import { releaseStartMemory } from "../../../lib/memory/mod.ts";
import { ManualClock } from "../../manual_clock.ts";

const SIZE = { width: 640, height: 480 };

function setUp() {
  const clock = new ManualClock();
  const events = new Events<CameraEvent>();
  const times: number[] = [];
  const release = () => times.push(clock.monotonic());
  const releases = releaseStartMemory(events, { clock, release });
  const start = (camera: string) => events.emit({ type: "camera started", camera, size: SIZE });
  return { clock, events, times, releases, start };
}

Deno.test("releaseStartMemory releases after the start and after the first frame", async () => {
  const { clock, events, times, start } = setUp();
  await clock.advance(4_999);
  assertEquals(times, []);
  await clock.advance(1);
  assertEquals(times, [5_000]);
  events.emit({ type: "camera starting", camera: "a", driver: "pi" });
  await clock.advance(55_000);
  start("a");
  await clock.advance(10_000);
  start("b");
  start("a");
  await clock.advance(9_999);
  assertEquals(times, [5_000]);
  await clock.advance(1);
  assertEquals(times, [5_000, 80_000]);
  await clock.advance(69_999);
  assertEquals(times, [5_000, 80_000]);
  await clock.advance(1);
  assertEquals(times, [5_000, 80_000, 150_000]);
  await clock.advance(600_000);
  assertEquals(times, [5_000, 80_000, 150_000]);
});

Deno.test("releaseStartMemory releases nothing after its disposal", async () => {
  const { clock, times, releases, start } = setUp();
  start("a");
  releases[Symbol.dispose]();
  start("b");
  await clock.advance(600_000);
  assertEquals(times, []);
});
