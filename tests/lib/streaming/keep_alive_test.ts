import { assertEquals } from "@std/assert";
import type { Camera } from "../../../lib/camera/camera.ts";
import { KeepAlive } from "../../../lib/streaming/keep_alive.ts";
import type { ViewerStream } from "../../../lib/streaming/viewer_stream.ts";
import { ManualClock } from "../../manual_clock.ts";

Deno.test("KeepAlive goes on after an error, and says so", async () => {
  const clock = new ManualClock();
  const lines: string[] = [];
  const error = (event: string, fields?: object) =>
    void lines.push(`${event} ${JSON.stringify(fields)}`);
  const keepAlive = new KeepAlive(clock, { info() {}, warn() {}, error });
  let looks = 0;
  const viewer = {
    stalled: 0,
    keepAlive() {
      if (++looks === 1) throw new Error("no such picture");
    },
  } as unknown as ViewerStream;
  keepAlive.add(viewer, {} as Camera);
  await clock.advance(1_600);
  keepAlive.delete(viewer);
  await clock.advance(1_600);
  assertEquals(looks, 3);
  assertEquals(lines, ['viewers could not be looked through {"reason":"no such picture"}']);
});
