import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Clock, systemClock } from "../../../lib/clock.ts";
import { checkNats, type NatsToCheck } from "../../../lib/nats/check.ts";
import { connectHub } from "../../../lib/nats/connect.ts";
import { type Beat, beatSubject } from "../../../lib/nats/protocol.ts";
import { readHubAddresses } from "../../../lib/nats/settings.ts";
import { makeCertificate } from "../../certificate.ts";
import { NatsServer } from "../../nats_server.ts";
import { needing } from "../../parts.ts";

/** A clock whose pauses are short: it listens to origins for a second. */
const clock: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms / 3, signal),
};

/** Runs the check; returns its findings as lines. */
async function check(url: string, options: Partial<NatsToCheck> = {}): Promise<string[]> {
  const lines = [];
  const defaults = { ca: undefined, published: [], received: [], receivesAll: false };
  const hubs = readHubAddresses({ NATS_URL: url })!;
  const { signal } = new AbortController();
  const all = { ...defaults, hubs, clock, ...options };
  for await (const { verdict, text, advice } of checkNats(all, signal)) {
    lines.push(`${verdict}: ${text}${advice ? ` → ${advice}` : ""}`);
  }
  return lines;
}

/** What {@link sendBeats} changes of a beat. */
type BeatChanges = Partial<Beat> & {
  camera: string;
  /** Difference of the origin's clock, in milliseconds. */
  ahead?: number;
  subject?: string;
};

/** Sends beats of an origin every 100 ms, until the result is disposed of. */
async function sendBeats(url: string, ...beats: BeatChanges[]): Promise<Disposable> {
  const closed = new AbortController();
  const [hub] = readHubAddresses({ NATS_URL: url })!;
  const connection = await connectHub(hub!, {
    ca: undefined,
    signal: closed.signal,
    onClose() {},
  });
  const timer = setInterval(() => {
    connection.publish("dinocam.beat.hostile", "{");
    connection.publish("dinocam.beat.hostile", new Uint8Array(10_000));
    for (const { ahead = 0, subject, ...changes } of beats) {
      const state = { driver: "pi", state: "off", fps: 0, watched: false };
      const beat = { now: Date.now() + ahead, monotonic: 1, ...state, ...changes };
      connection.publish(subject ?? beatSubject(changes.camera), JSON.stringify(beat));
    }
  }, 100);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      closed.abort();
    },
  };
}

Deno.test(
  "checkNats() reports a hub that works, and that nothing uses it",
  needing("nats-server"),
  async () => {
    await using server = await NatsServer.start();
    const lines = await check(server.url);
    assertMatch(
      lines[0]!,
      /^ok: The hub 127\.0\.0\.1:\d+ \(NATS \d+\.\d+\.\d+, without TLS\) answers in [\d.]+ ms; connecting takes [\d.]+ ms$/,
    );
    assertEquals(lines.slice(1), [
      "note: NATS_URL is set, but nothing uses the hub → set PUBLISH=all to publish cameras, or CAMERA=nats to receive them",
    ]);
  },
);

Deno.test(
  "checkNats() reports a hub that cannot be used, and how to fix it",
  needing("nats-server", "openssl"),
  async (t) => {
    await using certificate = await makeCertificate();
    await using server = await NatsServer.start({
      tls: certificate,
      config: `authorization { users: [{ user: shed, password: hunter2 }] }`,
    });
    const address = `127.0.0.1:${server.port}`;
    const ca = await Deno.readTextFile(certificate.cert);
    await t.step("certificate", async () => {
      assertEquals(await check(server.urlFor("shed:hunter2")), [
        `problem: Cannot connect to ${address}: the certificate is not signed by a trusted authority → ` +
        "set NATS_CA to the path of the certificate, or of that of its authority (PEM)",
      ]);
    });
    await t.step("password", async () => {
      assertEquals(await check(server.urlFor("shed:hunter3"), { ca }), [
        `problem: The hub ${address} rejects the user name or the password → correct them in NATS_URL`,
      ]);
    });
    await t.step("none", async () => {
      const [line] = await check(server.urlFor("shed:hunter2"), { ca });
      assertMatch(line!, /^ok: .* TLS\)/);
    });
    await t.step("unreachable", async () => {
      await server.stop();
      assertEquals(await check(server.urlFor("shed:hunter2"), { ca }), [
        `problem: Cannot connect to ${address}: connection refused → check that the hub is running and ` +
        "that NATS_URL is correct",
      ]);
    });
  },
);

Deno.test(
  "checkNats() reports the rights that are missing, and a small max_payload",
  needing("nats-server"),
  async () => {
    await using server = await NatsServer.start({
      config: `max_payload: 1MB
      authorization { users: [
        { user: origin, password: x, permissions: {
          publish: ["dinocam.frame.shed.*", "dinocam.beat.shed"], subscribe: "dinocam.want.shed" } }
        { user: edge, password: x, permissions: {
          publish: "dinocam.want.*", subscribe: ["dinocam.frame.*.*", "dinocam.beat.*", "_INBOX.>"] } }
        { user: blind, password: x, permissions: { publish: "a", subscribe: "a" } }
      ] }`,
    });
    const check3 = async (user: string, options: Partial<NatsToCheck>) =>
      (await check(server.urlFor(`${user}:x`), options)).slice(1);
    const small =
      "note: The hub accepts messages of at most 1024 KB: larger frames are not published → set " +
      "max_payload: 8MB in the configuration of nats-server";
    const denied = (rights: string) =>
      `problem: The hub denies the user of NATS_URL these rights: ${rights} → add them to the ` +
      "permissions of that user in the configuration of nats-server";
    assertEquals(await check3("origin", { published: ["shed"] }), [small]);
    assertEquals(await check3("origin", { published: ["shed", "hall"] }), [
      small,
      denied(
        "subscribe to dinocam.want.hall, publish dinocam.frame.hall.*, publish dinocam.beat.hall",
      ),
    ]);
    const nobody =
      "note: No camera is published at the hub → set NATS_URL and PUBLISH=all at the " +
      "server with the cameras";
    assertEquals(await check3("edge", { receivesAll: true }), [small, nobody]);
    assertEquals(await check3("blind", { received: ["hall"] }), [
      small,
      denied(
        "subscribe to dinocam.frame.hall.*, subscribe to dinocam.beat.hall, subscribe to _INBOX.>, " +
          "publish dinocam.want.hall",
      ),
      nobody,
    ]);
  },
);

Deno.test(
  "checkNats() lists what origins publish, and compares their clocks",
  needing("nats-server"),
  async () => {
    await using server = await NatsServer.start();
    using _ = await sendBeats(
      server.url,
      { camera: "front", epoch: 1 },
      { camera: "front", epoch: 2 },
      { camera: "yard", epoch: 3, ahead: -90_000 },
      { camera: "$x", epoch: 4 },
      { camera: "another", epoch: 4, subject: beatSubject("mine") },
      { camera: "gone", epoch: 5, gone: true },
    );
    const lines = await check(server.url, { received: ["hall"], receivesAll: true });
    assertEquals(lines.length, 5);
    assertMatch(lines[3]!, /^note: Nobody publishes "hall"$/);
    assertEquals([lines[1], lines[2]], [
      "ok: Published at the hub: front (pi), yard (pi)",
      'warning: 2 servers publish a camera "front" → give each camera its own name in CAMERA at its server',
    ]);
    assertMatch(
      lines[4]!,
      /^warning: The clock of the origin of "yard" is about (89\.9|90\.0) s behind that of this machine/,
    );
    assert(lines.every((line) => !line.includes("\n")));
  },
);
