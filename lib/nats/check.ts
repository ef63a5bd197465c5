import type { NatsConnection } from "@nats-io/nats-core";
import type { Bytes } from "../bytes.ts";
import { type Clock, settlesWithin } from "../clock.ts";
import { quote, shorten } from "../quote.ts";
import type { Message } from "./bus.ts";
import { connectHub } from "./connect.ts";
import { decodeBeat } from "./decode.ts";
import { HubError } from "./hub_error.ts";
import { BEAT_INTERVAL, beatSubject, frameSubject, type Want, wantSubject } from "./protocol.ts";
import { deniedRights } from "./rights.ts";
import { type HubAddress, serverOf } from "./settings.ts";

/** A result for the doctor. */
export interface CheckResult {
  readonly verdict: "ok" | "note" | "warning" | "problem";
  readonly text: string;
  readonly advice?: string;
}

/** What the server uses the hub for. */
export interface NatsToCheck {
  readonly hubs: readonly HubAddress[];
  /** PEM certificates to trust in addition. */
  readonly ca: string | undefined;
  /** Names of the cameras that it publishes. */
  readonly published: readonly string[];
  /** Names, at their origins, of the cameras that it receives. */
  readonly received: readonly string[];
  /** Whether it receives all cameras that are published. */
  readonly receivesAll: boolean;
  readonly clock: Clock;
}

/** Limit for the size of a message below which frames of high resolutions do not fit, in bytes. */
const LARGE_FRAME = 4 * 1024 * 1024;
/** How long to wait for the hub's answer to a test, in milliseconds. */
const ANSWER_TIMEOUT = 5_000;
/** How long to listen to origins, in milliseconds. */
const LISTENING_TIME = BEAT_INTERVAL + 1_000;
/** Difference of clocks above which the age of frames is misleading, in milliseconds. */
const MAX_CLOCK_DIFFERENCE = 500;
/** Maximum number of origins that are listed. */
const MAX_ORIGINS = 256;
/** The lane, the camera and the edge of the tests: no server uses them. */
const TEST = "doctor";

/**
 * Checks the hub: connection, log-in and rights, its limits, and the cameras that are published
 * there. It does not disturb other clients.
 */
export async function* checkNats(
  options: NatsToCheck,
  signal: AbortSignal,
): AsyncGenerator<CheckResult> {
  for (const hub of options.hubs) yield* checkHub(hub, options, signal);
}

async function* checkHub(
  hub: HubAddress,
  options: NatsToCheck,
  signal: AbortSignal,
): AsyncGenerator<CheckResult> {
  const { ca, clock, published, received, receivesAll } = options;
  const closed = new AbortController();
  try {
    const begun = clock.monotonic();
    const connection = await connectHub(hub, {
      ca,
      signal: AbortSignal.any([signal, closed.signal]),
      onClose: () => {},
    });
    const connectTime = clock.monotonic() - begun;
    const rtt = await roundTripTime(connection, clock);
    yield { verdict: "ok", text: describeConnection(hub, connection, { connectTime, rtt }) };
    yield* checkPayload(connection);
    yield* checkRights(connection, options);
    if (published.length === 0 && received.length === 0 && !receivesAll) {
      yield {
        verdict: "note",
        text: "NATS_URL is set, but nothing uses the hub",
        advice: "set PUBLISH=all to publish cameras, or CAMERA=nats to receive them",
      };
    }
    if (received.length > 0 || receivesAll) {
      yield* await checkOrigins(connection, { ...options, rtt }, signal);
    }
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    yield { verdict: "problem", text: error.message, advice: error.hint };
  } finally {
    closed.abort();
  }
}

function describeConnection(
  hub: HubAddress,
  { info }: NatsConnection,
  { connectTime, rtt }: { connectTime: number; rtt: number },
): string {
  const isSecure = hub.scheme === "tls" || hub.scheme === "wss" || info?.tls_required;
  const version = shorten(String(info?.version));
  return `The hub ${serverOf(hub)} (NATS ${version}, ${isSecure ? "TLS" : "without TLS"}) ` +
    `answers in ${format(rtt)}; connecting takes ${format(connectTime)}`;
}

function format(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

/** Measures the round-trip time to the hub: the least of three, in milliseconds. */
async function roundTripTime(connection: NatsConnection, clock: Clock): Promise<number> {
  const times = [];
  for (let i = 0; i < 3; i++) {
    const begun = clock.monotonic();
    await answered(connection);
    times.push(clock.monotonic() - begun);
  }
  return Math.min(...times);
}

/** Waits until the hub has answered all that was sent. @throws {HubError} If it does not. */
async function answered(connection: NatsConnection): Promise<void> {
  if (await settlesWithin(connection.flush(), ANSWER_TIMEOUT)) return;
  throw new HubError("The hub does not answer, or has closed the connection");
}

function* checkPayload({ info }: NatsConnection): Generator<CheckResult> {
  const bytes = info?.max_payload ?? Infinity;
  if (bytes >= LARGE_FRAME) return;
  yield {
    verdict: "note",
    text: `The hub accepts messages of at most ${Math.round(bytes / 1024)} KB: larger frames ` +
      "are not published",
    advice: "set max_payload: 8MB in the configuration of nats-server",
  };
}

/** Tries what this server does at the hub. */
async function* checkRights(
  connection: NatsConnection,
  { published, received, receivesAll }: NatsToCheck,
): AsyncGenerator<CheckResult> {
  const denied = collectDenied(connection);
  const subscriptions = [
    ...published.map(wantSubject),
    ...received.flatMap((camera) => [frameSubject(camera, 0), beatSubject(camera)]),
    ...receivesAll ? [frameSubject("*", 0), beatSubject()] : [],
    ...received.length > 0 || receivesAll ? [`_INBOX.${TEST}`] : [],
  ].map((subject) => connection.subscribe(subject, { callback: () => {} }));
  // Empty beats are ignored, and so are the names of tests.
  for (const camera of published) {
    connection.publish(`dinocam.frame.${camera}.${TEST}`);
    connection.publish(beatSubject(camera));
  }
  const want = JSON.stringify({ edge: TEST, bye: true } satisfies Want);
  for (const camera of receivesAll ? [TEST] : received) {
    connection.publish(wantSubject(camera), want);
  }
  await answered(connection);
  await new Promise((resolve) => setTimeout(resolve)); // nats.js delivers errors a little later
  for (const subscription of subscriptions) subscription.unsubscribe();
  const rights = [...denied].map((right) => right.replaceAll(TEST, "*"));
  if (rights.length === 0) return;
  yield {
    verdict: "problem",
    text: `The hub denies the user of NATS_URL these rights: ${rights.join(", ")}`,
    advice: "add them to the permissions of that user in the configuration of nats-server",
  };
}

/** Collects the rights that the hub denies. */
function collectDenied(connection: NatsConnection): ReadonlySet<string> {
  const denied = new Set<string>();
  (async () => {
    for await (const right of deniedRights(connection)) denied.add(right);
  })();
  return denied;
}

/** An origin's camera, by its beats. */
interface Origin {
  readonly camera: string;
  readonly driver: string;
  /** Least difference of the origin's clock from this one seen so far, in milliseconds. */
  ahead: number;
}

/** Listens to beats: which cameras are published, and whether the clocks agree. */
async function checkOrigins(
  connection: NatsConnection,
  { received, receivesAll, clock, rtt }: NatsToCheck & { rtt: number },
  signal: AbortSignal,
): Promise<CheckResult[]> {
  const origins = new Map<string, Origin>();
  const subjects = receivesAll ? [beatSubject()] : received.map(beatSubject);
  const onBeat = (message: Pick<Message, "subject" | "data">) => {
    const beat = decodeBeat(message);
    if (!beat || beat.gone) return;
    const key = `${beat.camera} ${beat.epoch}`;
    const ahead = beat.now - clock.now();
    const known = origins.get(key);
    // A beat that was delayed makes the origin's clock look slow: the largest value is the best.
    if (known) known.ahead = Math.max(known.ahead, ahead);
    else if (origins.size < MAX_ORIGINS) {
      origins.set(key, { camera: beat.camera, driver: beat.driver, ahead });
    }
  };
  const subscriptions = subjects.map((subject) =>
    connection.subscribe(subject, {
      callback: (error, { subject, data }) => {
        if (!error) onBeat({ subject, data: data as Bytes });
      },
    })
  );
  await clock.sleep(LISTENING_TIME, signal).catch(() => {}); // interrupted
  for (const subscription of subscriptions) subscription.unsubscribe();
  return [
    ...describeOrigins([...origins.values()], received),
    ...[...origins.values()].flatMap((origin) => checkClock(origin, rtt)),
  ];
}

function describeOrigins(origins: readonly Origin[], received: readonly string[]): CheckResult[] {
  const byCamera = Map.groupBy(origins, ({ camera }) => camera);
  const names = [...byCamera].map(([camera, [{ driver } = { driver: "" }]]) =>
    `${camera} (${driver})`
  );
  const results: CheckResult[] = [
    names.length > 0
      ? { verdict: "ok", text: `Published at the hub: ${names.sort().join(", ")}` }
      : {
        verdict: "note",
        text: "No camera is published at the hub",
        advice: "set NATS_URL and PUBLISH=all at the server with the cameras",
      },
  ];
  for (const [camera, same] of byCamera) {
    if (same.length === 1) continue;
    results.push({
      verdict: "warning",
      text: `${same.length} servers publish a camera ${quote(camera)}`,
      advice: "give each camera its own name in CAMERA at its server",
    });
  }
  const missing = received.filter((camera) => !byCamera.has(camera));
  if (missing.length > 0 && names.length > 0) {
    results.push({
      verdict: "note",
      text: `Nobody publishes ${missing.map((name) => quote(name)).join(", ")}`,
    });
  }
  return results;
}

/** Compares clocks: a beat has taken at least half of the round-trip time. */
function checkClock({ camera, ahead }: Origin, rtt: number): CheckResult[] {
  const difference = ahead + rtt / 2;
  if (Math.abs(difference) <= MAX_CLOCK_DIFFERENCE) return [];
  const seconds = (Math.abs(difference) / 1_000).toFixed(1);
  const direction = difference > 0 ? "ahead of" : "behind";
  return [{
    verdict: "warning",
    text: `The clock of the origin of ${quote(camera)} is about ${seconds} s ${direction} that ` +
      `of this machine (or its messages take that long)`,
    advice: "synchronize the clocks of both machines (NTP): times of frames are the origin's",
  }];
}
