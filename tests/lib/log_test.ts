import { assertEquals } from "@std/assert";
import { createLog, type Fields } from "../../lib/log.ts";
import { ManualClock } from "../manual_clock.ts";

function setUp({ json = false } = {}) {
  const lines: string[] = [];
  const clock = new ManualClock(Date.UTC(2026, 10, 22, 10));
  return { log: createLog({ clock, write: (line) => lines.push(line), json }), lines };
}

function fieldsOf(fields: Fields): string {
  const { log, lines } = setUp();
  log.info("event", fields);
  return lines[0]!.replace("2026-11-22T10:00:00.000Z info event ", "");
}

Deno.test("createLog() writes one line per entry: time, level, phrase, fields", () => {
  const { log, lines } = setUp();
  log.info("camera started", { camera: "pi", pid: 12, warm: true });
  log.warn("camera failed");
  log.error("request failed", { hint: undefined, status: 500 });
  assertEquals(lines, [
    "2026-11-22T10:00:00.000Z info camera started camera=pi pid=12 warm=true",
    "2026-11-22T10:00:00.000Z warn camera failed",
    "2026-11-22T10:00:00.000Z error request failed status=500",
  ]);
});

Deno.test("createLog() quotes values that are not one plain word, so that no field forges a line", () => {
  assertEquals(fieldsOf({ reason: "no cameras available" }), 'reason="no cameras available"');
  assertEquals(fieldsOf({ reason: "" }), 'reason=""');
  assertEquals(fieldsOf({ url: "http://h/?a=1" }), 'url="http://h/?a=1"');
  assertEquals(fieldsOf({ device: "/dev/video0" }), "device=/dev/video0");
  const forged = 'x\n2026-11-22T10:00:00.000Z info all is well "';
  assertEquals(fieldsOf({ reason: forged }), `reason=${JSON.stringify(forged)}`);
  assertEquals(fieldsOf({ reason: "\x1b[2J" }), 'reason="\\u001b[2J"');
  assertEquals(fieldsOf({ reason: "\x9b2J\u202e" }), 'reason="\\u009b2J\\u202e"');
});

Deno.test("createLog() writes one JSON object per line with json", () => {
  const { log, lines } = setUp({ json: true });
  log.warn("camera failed", { camera: "pi", reason: 'a "b"\nc', pause: 500, hint: undefined });
  assertEquals(JSON.parse(lines[0]!), {
    time: "2026-11-22T10:00:00.000Z",
    level: "warn",
    event: "camera failed",
    camera: "pi",
    reason: 'a "b"\nc',
    pause: 500,
  });
  assertEquals(lines[0]!.includes("\n"), false);
});
