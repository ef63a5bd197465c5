/** Messages that cannot be, and two origins of one name. */
import { beatSubject, frameSubject, LANES, wantSubject } from "../../lib/nats/protocol.ts";
import { footprintOf } from "../faults/figures.ts";
import { pause } from "../faults/viewer.ts";
import { Random } from "../random.ts";
import { eventually } from "../server.ts";
import { FrameReader } from "./frame_reader.ts";
import { TestNetwork } from "./network.ts";
import { RawNats } from "./raw_nats.ts";
import { described, type Results } from "./results.ts";
import { cameraOf, camerasOf, FRAME_SIZE, Hub, startEdge, startOrigin } from "./systems.ts";

/** The default of `max_payload` in nats-server, in bytes. */
const DEFAULT_MAX_PAYLOAD = 1_048_576;
/** Duration of a measurement, in milliseconds. */
const PERIOD = 10_000;

/** Checks a camera whose frames are larger than the hub's `max_payload`, beside another. */
export async function checkTooLarge(results: Results): Promise<void> {
  await using network = await TestNetwork.create("origin", "edge");
  const [origin, edge] = [network.host("origin"), network.host("edge")];
  await using _hub = await Hub.start(network, "");
  const cameras = ["large", "small"];
  const env = { LARGE_FLASH_BYTES: `${1.5 * DEFAULT_MAX_PAYLOAD}` };
  await using _origin = await startOrigin(origin, "nats", { cameras, env });
  await using _edge = await startEdge(edge, "nats", { cameras, origin });
  await using small = await FrameReader.open(edge, { path: "/cameras/small/video_feed" });
  await using large = await FrameReader.open(edge, { path: "/cameras/large/video_feed" });
  const tooLarge = async () => (await cameraOf(origin, "large")).published!.tooLarge;
  await eventually("a frame that is too large is counted", async () => await tooLarge() > 0);
  await eventually("frames of the other camera arrive", () => small.frames.length > 0);
  await pause(2_000);
  const from = Date.now();
  await pause(PERIOD);
  const statistics = small.statistics(from, Date.now());
  results.add("frames above max_payload", {
    ...{ goal: "counted", nats: await tooLarge() },
    holds: await tooLarge() > 0 && large.frames.length === 0,
  });
  results.add("another camera beside them", {
    ...{ goal: "29 fps, p99 50 ms", nats: described(statistics) },
    holds: statistics.fps >= 29 && statistics.p99 <= 50,
  });
  const reason = () => edge.get("/healthz");
  await eventually(
    "the edge knows the reason",
    async () => (await reason()).includes("max_payload"),
  )
    .catch(() => {});
  const isKnown = (await reason()).includes("max_payload");
  results.add("the edge names max_payload", {
    ...{ goal: "yes", nats: isKnown ? "yes" : "no" },
    holds: isKnown,
  });
  results.verify();
}

/** Maximum memory that a repetition may cost an origin or an edge, in megabytes. */
const MAX_GROWTH = 40;
/** Maximum number of edges of a camera, and of cameras of an edge, that are remembered. */
const MAX_EDGES = 1_000;
const MAX_CAMERAS = 256;

/** Checks that garbage from the hub harms neither origin nor edge. */
export async function checkGarbage(results: Results): Promise<void> {
  await using network = await TestNetwork.create("origin", "edge", "stranger");
  const [origin, edge] = [network.host("origin"), network.host("edge")];
  await using _hub = await Hub.start(network);
  await using originServer = await startOrigin(origin, "nats");
  await using edgeServer = await startEdge(edge, "nats", { origin, env: { CAMERA: "nats" } });
  await eventually("the camera appears", async () => (await camerasOf(edge)).length === 1);
  await using reader = await FrameReader.open(edge, { path: "/cameras/front/video_feed" });
  await eventually("frames arrive", () => reader.frames.length > 30);
  const servers = [originServer, edgeServer];
  const before = await Promise.all(servers.map(({ pid }) => footprintOf(pid)));

  using stranger = await RawNats.open(network.host("stranger"));
  const random = new Random(15);
  const invalid = await sendInvalid(stranger, random);
  await sendInventions(stranger);
  const ended = Date.now();
  await pause(1_000);
  const { edges } = (await cameraOf(origin)).published!;
  const known = (await camerasOf(edge)).length;
  await eventually("frames arrive again", () => reader.between(ended).length > 0);
  await pause(2_000);
  const from = Date.now();
  await pause(PERIOD);
  const statistics = reader.statistics(from, Date.now());
  const footprints = () => Promise.all(servers.map(({ pid }) => footprintOf(pid)));
  const after = await footprints();
  const remaining = (await cameraOf(origin)).published!.edges;
  const listed = (await camerasOf(edge)).length;
  await sendInvalid(stranger, random);
  await sendInventions(stranger);
  await pause(PERIOD);
  const again = await footprints();
  const growth = again.map(({ memory }, i) => memory - after[i]!.memory);
  const cost = after.map(({ memory }, i) => memory - before[i]!.memory);

  results.add(`after ${invalid} invalid messages and ${2 * INVENTIONS} inventions`, {
    ...{ goal: "29 fps, p99 50 ms", nats: described(statistics) },
    holds: statistics.fps >= 29 && statistics.p99 <= 50,
  });
  results.add("edges that are remembered, and after their lease", {
    ...{ goal: `${MAX_EDGES}, and 1`, nats: `${edges}, and ${remaining}` },
    holds: edges <= MAX_EDGES && remaining === 1,
  });
  results.add("cameras that an edge lists, and when they are silent", {
    ...{ goal: `${MAX_CAMERAS}, and 1`, nats: `${known}, and ${listed}` },
    holds: known <= MAX_CAMERAS && listed === 1,
  });
  const megabytes = (values: number[]) => values.map((mb) => `${mb.toFixed(0)} MB`).join(" and ");
  results.add("memory that it costs the origin, and the edge", { nats: megabytes(cost) });
  results.add("memory that the same costs once more", {
    ...{ goal: `${MAX_GROWTH} MB`, nats: megabytes(growth) },
    holds: growth.every((mb) => mb < MAX_GROWTH),
  });
  for (const [i, name] of ["origin", "edge"].entries()) {
    const lines = servers[i]!.output.trim().split("\n").length;
    results.add(`lines in the log of the ${name}`, {
      ...{ goal: `${MAX_LINES}`, nats: lines },
      holds: lines <= MAX_LINES,
    });
  }
  results.verify();
}

/** Sends messages that no dinocam sends. @returns Their number. */
async function sendInvalid(stranger: RawNats, random: Random): Promise<number> {
  let sent = 0;
  for (let round = 0; round < 20; round++) {
    for (const [subject, data] of garbage(random)) {
      await stranger.publish(subject, data);
      sent++;
    }
    await stranger.flush();
  }
  return sent;
}

/** Number of edges, and of cameras, that are invented. */
const INVENTIONS = 3 * MAX_EDGES;

/** Sends wants of edges, and beats of cameras, that do not exist. */
async function sendInventions(stranger: RawNats): Promise<void> {
  for (let i = 0; i < INVENTIONS; i++) {
    const want = JSON.stringify({ edge: `edge-${i}`, lane: i % LANES });
    await stranger.publish(wantSubject("front"), want);
    await stranger.publish(beatSubject(`camera-${i}`), beat(`camera-${i}`));
  }
  await stranger.flush();
}

/** Maximum number of lines in a log, with the banner. */
const MAX_LINES = 60;

/** Returns messages that no dinocam sends. */
function garbage(random: Random): [subject: string, data: Uint8Array | string][] {
  const subjects = [
    wantSubject("front"),
    beatSubject("front"),
    ...Array.from({ length: LANES }, (_, lane) => frameSubject("front", lane)),
  ];
  const numbers = ["-1", "8", "1.5", "1e308", "null", '"0"', "[0]", "{}"];
  const texts = [
    "",
    "{",
    "null",
    "[]",
    '"edge"',
    "{}",
    `{"edge":"${"e".repeat(65)}","lane":0}`,
    `{"edge":"${"e".repeat(5_000)}","lane":0}`,
    `{"edge":5,"lane":0}`,
    `{"edge":"","lane":0}`,
    `{"__proto__":{"edge":"x"},"lane":0}`,
    "[".repeat(4_000),
    ...numbers.map((lane) => `{"edge":"x","lane":${lane}}`),
    ...numbers.map((epoch) => `{"edge":"x","lane":0,"epoch":${epoch}}`),
    ...numbers.map((value) => `{"camera":"front","epoch":${value},"now":${value},"fps":${value}}`),
    `{"camera":"../front","epoch":1,"now":1,"driver":"\u001b[31m","state":"off","fps":1,"watched":1}`,
  ];
  const bytes = [1, 23, 24, 25, 31, 32, 33, 100, 10_000].map((size) =>
    Uint8Array.from({ length: size }, () => random.integer(0, 255))
  );
  return subjects.flatMap((subject) =>
    [...texts, ...bytes].map((data): [string, Uint8Array | string] => [subject, data])
  );
}

/** Returns a valid beat. */
function beat(camera: string): string {
  const now = Date.now();
  const state = { driver: "flash", state: "off", fps: 0, watched: false };
  return JSON.stringify({ camera, epoch: now + 0.5, now, monotonic: 1_000, ...state });
}

/** Maximum time until the frames of another origin arrive, in milliseconds. */
const MAX_TAKEOVER = 5_000;

/** Checks two origins that publish cameras of the same name. */
export async function checkTwoOrigins(results: Results): Promise<void> {
  await using network = await TestNetwork.create("origin1", "origin2", "edge");
  const edge = network.host("edge");
  const hosts = ["origin1", "origin2"].map((name) => network.host(name));
  await using _hub = await Hub.start(network);
  await using first = await startOrigin(hosts[0]!, "nats");
  await using _edge = await startEdge(edge, "nats", { origin: hosts[0]! });
  await using reader = await FrameReader.open(edge);
  await eventually("frames arrive", () => reader.frames.length > 30);
  await using _second = await startOrigin(hosts[1]!, "nats", { size: FRAME_SIZE / 2 });
  const isReported = async () => (await cameraOf(edge)).link!.duplicate;
  const begun = Date.now();
  await eventually("the other origin is reported", isReported).catch(() => {});
  const reported = Date.now() - begun;
  await pause(2_000);
  const from = Date.now();
  await pause(PERIOD);
  const to = Date.now();
  const statistics = reader.statistics(from, to);
  const isOther = ({ size }: { size: number }) => size < 0.75 * FRAME_SIZE;
  const others = reader.between(begun, to).filter(isOther).length;
  results.add("two origins of one name: frames of the first", {
    ...{ goal: "29 fps, p99 50 ms", nats: described(statistics) },
    holds: statistics.fps >= 29 && statistics.p99 <= 50,
  });
  results.add("two origins of one name: frames of the second", {
    ...{ goal: "0", nats: others, holds: others === 0 },
  });
  results.add("two origins of one name: reported", {
    ...{ goal: "3000 ms", nats: `${reported} ms`, holds: reported <= 3_000 },
  });
  await first.stop("SIGKILL");
  const killed = Date.now();
  const takeover = () => (reader.between(killed).find(isOther)?.at ?? NaN) - killed;
  await eventually("frames of the second arrive", () => takeover() >= 0, 20_000).catch(() => {});
  results.add("kill -9 of the first: frames of the second", {
    ...{ goal: `${MAX_TAKEOVER} ms`, nats: `${takeover()} ms`, holds: takeover() <= MAX_TAKEOVER },
  });
  results.verify();
}
