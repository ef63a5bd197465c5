import { assert, assertEquals, assertMatch } from "@std/assert";
import type { CameraStats } from "../../../lib/camera/stats.ts";
import { DeliveryStats } from "../../../lib/camera/delivery_stats.ts";
import { expose } from "../../../lib/metrics/mod.ts";

function statsOf(name: string): CameraStats {
  const sent = new DeliveryStats();
  for (const age of [0.5, 3, 4, 70, 20_000]) sent.add(1000, age);
  return {
    name,
    driver: "pi",
    state: "streaming",
    fps: 29.97,
    viewers: 2,
    size: undefined,
    error: undefined,
    failingSince: undefined,
    frames: 12,
    backgroundSubscribers: 1,
    backgroundDropped: 6,
    dropped: 3,
    broken: 1,
    refused: 0,
    editSkipped: 0,
    lastFailure: undefined,
    failures: 4,
    sent,
  };
}

const server = { version: "1.2.3", startedAt: 1_700_000_000_500, memory: 5e7, viewers: 2 };
const hub = {
  connected: true,
  published: [{ camera: "front", edges: 2, frames: 30, bytes: 3e6, tooLarge: 1 }],
  links: [{ camera: "back", lanes: 5, frames: 20, bytes: 2e6, late: 3 }],
};
const text = expose({ cameras: [statsOf("front"), statsOf("back")], server, hub });
const lines = text.trimEnd().split("\n");

Deno.test("expose() writes the state of the cameras and of the server", () => {
  for (
    const line of [
      'dinocam_info{version="1.2.3"} 1',
      "dinocam_viewers 2",
      'dinocam_camera_state{camera="front",state="streaming"} 1',
      'dinocam_camera_state{camera="front",state="failed"} 0',
      'dinocam_camera_subscribers{camera="back"} 2',
      'dinocam_camera_background_subscribers{camera="back"} 1',
      'dinocam_camera_frames_per_second{camera="front"} 29.97',
      'dinocam_camera_frames_total{camera="front"} 12',
      'dinocam_camera_broken_total{camera="front"} 1',
      'dinocam_camera_failures_total{camera="front"} 4',
      'dinocam_sent_frames_total{camera="front"} 5',
      'dinocam_sent_bytes_total{camera="front"} 5000',
      'dinocam_dropped_frames_total{camera="front"} 3',
      'dinocam_background_dropped_frames_total{camera="front"} 6',
      'dinocam_latency_seconds_bucket{camera="front",le="0.001"} 1',
      'dinocam_latency_seconds_bucket{camera="front",le="0.005"} 3',
      'dinocam_latency_seconds_bucket{camera="front",le="0.1"} 4',
      'dinocam_latency_seconds_bucket{camera="front",le="10"} 4',
      'dinocam_latency_seconds_bucket{camera="front",le="+Inf"} 5',
      'dinocam_latency_seconds_sum{camera="front"} 20.0775',
      'dinocam_latency_seconds_count{camera="front"} 5',
      "dinocam_hub_connected 1",
      'dinocam_published_edges{camera="front"} 2',
      'dinocam_published_frames_total{camera="front"} 30',
      'dinocam_published_bytes_total{camera="front"} 3000000',
      'dinocam_published_too_large_total{camera="front"} 1',
      'dinocam_link_lanes{camera="back"} 5',
      'dinocam_link_frames_total{camera="back"} 20',
      'dinocam_link_bytes_total{camera="back"} 2000000',
      'dinocam_link_late_total{camera="back"} 3',
      "process_resident_memory_bytes 50000000",
      "process_start_time_seconds 1700000000.5",
    ]
  ) assert(lines.includes(line), `${line} is not in\n${text}`);
});

Deno.test("expose() follows the rules of promtool", () => {
  assert(text.endsWith("\n"));
  const seen = new Set<string>();
  let [name, type] = ["", ""];
  const samples = new Set<string>();
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    if (line.startsWith("# HELP ")) {
      // One family at a time: HELP, TYPE, then all samples.
      [, name = ""] = /^# HELP ([a-z_]+) \S.*\.$/.exec(line)!;
      [, type = ""] = new RegExp(`^# TYPE ${name} (counter|gauge|histogram)$`).exec(lines[++i]!)!;
      assert(!seen.has(name), `${name} is repeated`);
      seen.add(name);
      assertEquals([name, name.endsWith("_total")], [name, type === "counter"]);
      assert(!/_(milliseconds|ms|kilobytes|minutes)(_|$)/.test(name), `${name} has no base unit`);
      continue;
    }
    const [, sample, , labels = "", value] =
      /^([a-z_]+)(\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$/.exec(line)!;
    const suffix = type === "histogram" ? /^_(bucket|sum|count)$/ : /^$/;
    assert(sample!.startsWith(name), line);
    assertMatch(sample!.slice(name.length), suffix);
    assert(Number.isFinite(Number(value)), line);
    assert(!samples.has(sample + labels), `${line} is repeated`);
    samples.add(sample + labels);
  }
});

Deno.test("expose() writes cumulative histogram buckets, the last with the total", () => {
  const counts = lines.filter((line) => /^dinocam_latency_seconds_bucket\{camera="back"/.test(line))
    .map((line) => Number(line.split(" ").at(-1)));
  assertEquals(counts, counts.toSorted((a, b) => a - b));
  assertEquals(counts.at(-1), 5);
});

Deno.test("expose() says whether there is a connection to the hub, and nothing without a hub", () => {
  const away = expose({ cameras: [], server, hub: { connected: false, published: [], links: [] } });
  assert(away.includes("\ndinocam_hub_connected 0\n"));
  assert(!/dinocam_(hub|published|link)/.test(expose({ cameras: [statsOf("front")], server })));
});

Deno.test("expose() escapes quotes, backslashes and line breaks in labels", () => {
  const written = expose({ cameras: [], server: { ...server, version: 'a"b\\c\nd' } });
  assert(written.includes('dinocam_info{version="a\\"b\\\\c\\nd"} 1\n'));
});
