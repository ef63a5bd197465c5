/** An edge with `CAMERA=nats`: cameras appear and disappear as origins come and go. */
import { ORIGIN_TIMEOUT } from "../../lib/nats/protocol.ts";
import { pause } from "../faults/viewer.ts";
import { eventually } from "../server.ts";
import { FrameReader } from "./frame_reader.ts";
import { TestNetwork } from "./network.ts";
import type { Results } from "./results.ts";
import { camerasOf, Hub, startEdge, startOrigin } from "./systems.ts";

/** Maximum time until a camera appears after the start of its origin, in milliseconds. */
const MAX_APPEARING = 2_000;
/** Maximum time until a camera disappears after the regular end of its origin, in milliseconds. */
const MAX_LEAVING = 1_000;
/** Maximum time until a camera disappears after its origin has died, in milliseconds. */
const MAX_DISAPPEARING = ORIGIN_TIMEOUT + 1_000;
/** A camera stays at least this long after its origin has died, in milliseconds. */
const MIN_DISAPPEARING = ORIGIN_TIMEOUT - 2_500;
/** Duration of an outage of the hub: longer than an edge waits for an origin. */
const OUTAGE = ORIGIN_TIMEOUT + 5_000;
const MAX_RECOVERY = 2_000;

/** Checks when cameras appear and disappear. */
export async function checkAppearing(results: Results): Promise<void> {
  await using network = await TestNetwork.create("origin1", "origin2", "edge");
  const [host1, host2, edge] = ["origin1", "origin2", "edge"].map((name) => network.host(name)) as [
    ...Parameters<typeof camerasOf>[0][],
  ];
  const names = async () => (await camerasOf(edge!)).map(({ name }) => name).join();
  /** Returns after what time the edge lists these cameras; NaN if it does not. */
  const listed = async (wanted: string) => {
    const begun = Date.now();
    const isListed = async () => await names() === wanted;
    const holds = await eventually(wanted, isListed, 20_000).then(() => true, () => false);
    return holds ? Date.now() - begun : NaN;
  };
  const add = (check: string, took: number, max: number, min = 0) =>
    results.add(check, {
      goal: min ? `${min} to ${max} ms` : `${max} ms`,
      nats: Number.isNaN(took) ? "never" : `${took} ms`,
      holds: took >= min && took <= max,
    });

  await using hub = await Hub.start(network);
  await using _edge = await startEdge(edge!, "nats", { origin: host1!, env: { CAMERA: "nats" } });
  results.add("cameras without an origin", {
    ...{ goal: "none", nats: await names() || "none", holds: await names() === "" },
  });
  const start1 = () => startOrigin(host1!, "nats", { cameras: ["yard", "front"] });
  await using first = await start1();
  add("the cameras of an origin appear", await listed("front,yard"), MAX_APPEARING);
  await using second = await startOrigin(host2!, "nats", { cameras: ["garage"] });
  add("those of another origin appear", await listed("front,garage,yard"), MAX_APPEARING);

  await using reader = await FrameReader.open(edge!, { path: "/cameras/front/video_feed" });
  await eventually("frames arrive", () => reader.frames.length > 30);
  await second.stop();
  add("a camera disappears with its origin", await listed("front,yard"), MAX_LEAVING);

  await first.stop("SIGKILL");
  const gone = await listed("");
  add("cameras disappear after kill -9 of their origin", gone, MAX_DISAPPEARING, MIN_DISAPPEARING);
  await pause(2_000);
  await using _again = await start1();
  const started = Date.now();
  const resumed = () => (reader.between(started)[0]?.at ?? NaN) - started;
  add("they appear again", await listed("front,yard"), MAX_APPEARING);
  await eventually("frames arrive again", () => resumed() >= 0).catch(() => {});
  add("a viewer that has stayed gets frames", resumed(), MAX_RECOVERY);

  await hub.kill();
  await pause(OUTAGE);
  const during = await names();
  results.add(`cameras while the hub is away for ${OUTAGE / 1_000} s`, {
    ...{ goal: "all", nats: during === "front,yard" ? "all" : during || "none" },
    holds: during === "front,yard",
  });
  await hub.restart();
  const repaired = Date.now();
  const again = () => (reader.between(repaired)[0]?.at ?? NaN) - repaired;
  await eventually("frames arrive again", () => again() >= 0).catch(() => {});
  add("a viewer that has stayed gets frames after that", again(), MAX_RECOVERY);
  results.add("its connection", {
    ...{ goal: "stays", nats: reader.ended ? "ended" : "stays", holds: !reader.ended },
  });
  results.verify();
}
