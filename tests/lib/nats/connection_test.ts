import { assert, assertEquals, assertFalse, assertMatch, assertStringIncludes } from "@std/assert";
import { systemClock } from "../../../lib/clock.ts";
import { createLog } from "../../../lib/log.ts";
import type { Message } from "../../../lib/nats/bus.ts";
import { NatsBus, type NatsBusOptions } from "../../../lib/nats/connection.ts";
import { readHubAddresses } from "../../../lib/nats/settings.ts";
import { makeCertificate } from "../../certificate.ts";
import { NatsServer } from "../../nats_server.ts";
import { freePort } from "../../nginx.ts";
import { needing } from "../../parts.ts";
import { eventually } from "../../server.ts";

/** Opens a bus that logs into `lines`. */
function openBus(url: string, options: Partial<NatsBusOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({
    clock: systemClock,
    write: (line) => lines.push(line.replace(/^\S+ /, "")),
  });
  const hubs = readHubAddresses({ NATS_URL: url })!;
  const bus = new NatsBus({ hubs, ca: undefined, clock: systemClock, log, ...options });
  return Object.assign(bus, { lines });
}

const textOf = ({ data }: Message) => new TextDecoder().decode(data);

Deno.test("a bus delivers messages, and answers", needing("nats-server"), async () => {
  await using server = await NatsServer.start();
  await using bus = openBus(server.url);
  const received: Message[] = [];
  using _ = bus.subscribe("dinocam.beat.*", (message) => received.push(message));
  assertEquals([bus.connected, bus.maxPayload, bus.publish("a", "")], [false, Infinity, false]);
  await eventually("connected", () => bus.connected);
  assertEquals(bus.maxPayload, 8 * 1024 * 1024);
  const inbox = bus.createInbox();
  using _inbox = bus.subscribe(inbox, (message) => received.push(message));
  assert(bus.publish("dinocam.beat.front", new Uint8Array([104, 105]), inbox));
  assert(bus.publish("nobody.listens", "x", inbox));
  assert(await bus.flush());
  await eventually("both", () => received.length === 2);
  const [beat, none] = received as [Message, Message];
  assertEquals([textOf(beat), beat.subject, beat.reply, beat.noResponders], [
    "hi",
    "dinocam.beat.front",
    inbox,
    false,
  ]);
  assertEquals([none.subject, none.noResponders], [inbox, true]);
  assertEquals(bus.lines, [`info hub connected hub=127.0.0.1:${server.port}`]);
  assertEquals(bus.publish("x", new Uint8Array(9 * 1024 * 1024)), false);
});

Deno.test(
  "a bus connects when the hub starts later, and again after kill -9",
  needing("nats-server"),
  async () => {
    await using server = await NatsServer.start();
    await server.stop();
    await using bus = openBus(server.url);
    await eventually("a failure", () => bus.status.reason !== "connecting");
    assertStringIncludes(
      bus.status.reason!,
      `Cannot connect to 127.0.0.1:${server.port}: connection refused`,
    );
    const changes: boolean[] = [];
    using _ = bus.onConnection((connected) => changes.push(connected));
    const messages: string[] = [];
    using _all = bus.subscribe("beat", (message) => messages.push(textOf(message)));
    using _max = bus.subscribe("lane", () => messages.push("lane"), { max: 1 });
    await server.run();
    await eventually("connected", () => bus.connected);
    using _once = bus.subscribe("lane", () => messages.push("once"), { max: 1 });
    await bus.flush();
    await server.stop();
    await eventually("disconnected", () => !bus.connected);
    assertEquals(await bus.flush(), false);
    assertEquals(bus.publish("beat", "old"), false);
    await server.run();
    await eventually("connected again", () => bus.connected);
    assert(bus.publish("lane", "x") && bus.publish("beat", "new"));
    await eventually("a message", () => messages.length > 0);
    assertEquals(messages, ["new"]);
    assertEquals(changes, [true, false, true]);
    assertEquals(bus.lines.map((line) => line.replace(/(hub|reason)=.*/, "")), [
      "warn hub connection failed ",
      "info hub connected ",
      "warn hub disconnected ",
      ...bus.lines.length > 4 ? ["warn hub connection failed "] : [],
      "info hub connected ",
    ]);
  },
);

Deno.test(
  "a bus notices a hub that is frozen, and drops what it could not send",
  needing("nats-server"),
  async () => {
    await using server = await NatsServer.start();
    await using bus = openBus(server.url, { pingInterval: 500 });
    await eventually("connected", () => bus.connected);
    server.freeze();
    const frame = new Uint8Array(1_000_000);
    for (let i = 0; i < 20; i++) bus.publish("frame", frame); // more than the socket takes
    const flushed = bus.flush();
    await eventually("disconnected", () => !bus.connected);
    assertEquals(await flushed, false);
    assertStringIncludes(bus.status.reason!, "the hub does not answer");
    // Attempts while it accepts connections and is silent leave no socket open.
    await eventually(
      "a failed attempt",
      () => bus.lines.some((line) => line.includes("it does not answer")),
    );
    server.thaw();
    await eventually("connected again", () => bus.connected, 15_000);
    let received = 0;
    using _ = bus.subscribe("frame", () => received++);
    assert(await bus.flush());
    assertEquals(received, 0);
  },
);

Deno.test(
  "a wrong password is logged once, without secrets, and tried again",
  needing("nats-server"),
  async () => {
    const config = `authorization { users: [{ user: shed, password: hunter2 }] }`;
    await using server = await NatsServer.start({ config });
    await using wrong = openBus(server.urlFor("shed:hunter3"));
    await using none = openBus(server.url);
    await using right = openBus(server.urlFor("shed:hunter2"));
    await eventually("connected", () => right.connected);
    await eventually("answers", () => wrong.lines.length > 0 && none.lines.length > 0);
    assertEquals(wrong.lines, [
      `warn hub connection failed reason="The hub 127.0.0.1:${server.port} rejects the user name or ` +
      `the password (correct them in NATS_URL)"`,
    ]);
    assertStringIncludes(
      none.status.reason!,
      "requires a user name and a password (add them to NATS_URL",
    );
    await server.configure((text) => text.replace("hunter2", "hunter3"));
    await eventually("connected", () => wrong.connected, 15_000);
    assertEquals(wrong.lines.length, 2);
  },
);

Deno.test("a bus tries all addresses of NATS_URL", needing("nats-server"), async () => {
  await using a = await NatsServer.start();
  await using b = await NatsServer.start();
  await a.stop();
  await using bus = openBus(`${a.url},${b.url}`);
  await eventually("connected to b", () => bus.connected);
  await a.run();
  await b.stop();
  await eventually("connected to a", () => bus.connected && bus.lines.length === 4);
  const hubs = bus.lines.map((line) => /127\.0\.0\.1:(\d+)/.exec(line)![1]);
  assertEquals(hubs, [a.port, b.port, b.port, a.port].map(String));
});

Deno.test("a token logs in", needing("nats-server"), async () => {
  await using server = await NatsServer.start({ config: `authorization { token: "s3cr:t@x" }` });
  await using bus = openBus(server.urlFor("s3cr%3At%40x"));
  await eventually("connected", () => bus.connected);
});

Deno.test("denied rights are reported, each once", needing("nats-server"), async () => {
  const config = `authorization { users: [{ user: shed, password: x, permissions: {
    publish: ["dinocam.beat.shed"], subscribe: ["dinocam.want.shed"] } }] }`;
  await using server = await NatsServer.start({ config });
  await using bus = openBus(server.urlFor("shed:x"));
  let denied = 0;
  using _ = bus.subscribe("dinocam.want.other", () => {}, { onDenied: () => denied++ });
  using _own = bus.subscribe("dinocam.want.shed", () => {}, { onDenied: () => denied++ });
  await eventually("connected", () => bus.connected);
  for (let lane = 0; lane < 8; lane++) bus.publish(`dinocam.frame.shed.${lane}`, "x");
  bus.publish("dinocam.beat.shed", "x");
  await bus.flush();
  await eventually("two lines", () => bus.lines.length === 3);
  assertEquals(denied, 1);
  assertEquals(bus.lines.slice(1), [
    'error hub permission denied reason="the user needs: subscribe to dinocam.want.other"',
    'error hub permission denied reason="the user needs: publish dinocam.frame.shed.*"',
  ]);
  assert(bus.connected);
});

Deno.test(
  "an exception in a callback is logged, and the next messages arrive",
  needing("nats-server"),
  async () => {
    await using server = await NatsServer.start();
    await using bus = openBus(server.url);
    using _connection = bus.onConnection(() => {
      throw new Error("listener");
    });
    let calls = 0;
    using _ = bus.subscribe("a", (message) => {
      calls++;
      JSON.parse(textOf(message));
    });
    await eventually("connected", () => bus.connected);
    for (const text of ["{", "x", "{}"]) bus.publish("a", text);
    await eventually("all", () => calls === 3);
    assertEquals(bus.lines.map((line) => line.replace(/ (hub|reason)=.*/, "")), [
      "info hub connected",
      "error hub listener failed",
      "error hub message failed",
      "error hub message failed",
    ]);
  },
);

Deno.test(
  "a bus connects by TLS and wss only if it trusts the certificate",
  needing("nats-server", "openssl"),
  async (t) => {
    await using certificate = await makeCertificate();
    const ca = await Deno.readTextFile(certificate.cert);
    await using server = await NatsServer.start({ tls: certificate, websocket: true });
    for (const url of [server.url, server.websocketUrl, server.url.replace("tls:", "nats:")]) {
      await t.step(`${url.split(":")[0]} with NATS_CA`, async () => {
        await using bus = openBus(url, { ca });
        await eventually("connected", () => bus.connected);
        let received = "";
        using _ = bus.subscribe("a", (message) => received = textOf(message));
        bus.publish("a", new Uint8Array(1_000_000).fill(97));
        assert(await bus.flush());
        await eventually("received", () => received.length === 1_000_000);
      });
      await t.step(`${url.split(":")[0]} without it`, async () => {
        await using bus = openBus(url);
        await eventually("refused", () => bus.lines.length > 0);
        assertStringIncludes(
          bus.status.reason!,
          `${
            url.split("//")[1]
          }: the certificate is not signed by a trusted authority (set NATS_CA`,
        );
      });
    }
    await t.step("another name", async () => {
      await using bus = openBus(`tls://127.0.0.2:${server.port}`, { ca });
      await eventually("refused", () => bus.lines.length > 0);
      assertFalse(bus.connected);
    });
  },
);

Deno.test("a bus says why it cannot connect by WebSocket", async (t) => {
  await using web = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("no", { status: 404 }),
  );
  const cases: [string, RegExp][] = [
    [
      `ws://me:hunter2@127.0.0.1:${web.addr.port}/hub?key=hunter2`,
      /^Cannot use 127\.0\.0\.1:\d+ as the hub: it answers with HTTP status 404 \(check the port/,
    ],
    [
      `ws://me:hunter2@127.0.0.1:${freePort()}`,
      /^Cannot connect to 127\.0\.0\.1:\d+: its port is closed, or out of reach \(check that/,
    ],
    [
      "wss://me:hunter2@hub.invalid",
      /^Cannot connect to hub\.invalid:443: cannot find this host name \(check the name/,
    ],
  ];
  for (const [url, reason] of cases) {
    await t.step(new URL(url).host, async () => {
      await using bus = openBus(url);
      await eventually("a failure", () => bus.lines.length > 0);
      assertMatch(bus.status.reason!, reason);
      assertFalse(/hunter2/.test(bus.lines.join()), bus.lines.join());
    });
  }
});

/**
 * Listens like a hub that says `info`, and one of the answers to each ping, and collects what a
 * client sends.
 */
function recordingHub(info: string, ...answers: string[]) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const hub = {
    port: listener.addr.port,
    sent: "",
    connections: 0,
    open: new Set<Deno.TcpConn>(),
    async [Symbol.asyncDispose]() {
      listener.close();
      await eventually("the client has closed its connections", () => hub.open.size === 0);
    },
  };
  const serve = async (conn: Deno.TcpConn) => {
    await conn.write(new TextEncoder().encode(info));
    let pings = 0;
    for await (const bytes of conn.readable) {
      hub.sent += new TextDecoder("latin1").decode(bytes);
      const answer = hub.sent.endsWith("PING\r\n") ? answers[pings++] : undefined;
      if (answer) await conn.write(new TextEncoder().encode(answer));
    }
  };
  (async () => {
    for await (const conn of listener) {
      hub.connections++;
      hub.open.add(conn);
      serve(conn).catch(() => {}).finally(() => hub.open.delete(conn)); // the client has closed it
    }
  })().catch(() => {}); // the listener is closed
  return hub;
}

Deno.test("a bus closes a connection with invalid data, and prints nothing", async () => {
  const printed: unknown[] = [];
  const { log } = console;
  console.log = (...items) => printed.push(items);
  try {
    const info = JSON.stringify({ version: "2.9.0", proto: 1 });
    await using hub = recordingHub(`INFO ${info}\r\n`, "PONG\r\n", "MSG x 1 nothing\r\n");
    await using bus = openBus(`nats://127.0.0.1:${hub.port}`);
    await eventually("connected", () => bus.connected);
    assertFalse(await bus.flush());
    await eventually("two connections", () => hub.connections > 1);
    assertMatch(bus.lines.join("\n"), /hub disconnected reason=".*: invalid data from the hub"/);
    assertEquals(printed, []);
  } finally {
    console.log = log;
  }
});

Deno.test("with tls:// nothing is sent to a hub that offers no TLS", async (t) => {
  const info = (fields: object) =>
    `INFO ${JSON.stringify({ version: "2.9.0", proto: 1, ...fields })}\r\n`;
  const required = info({ tls_required: true });
  const cases: [string, string, RegExp, string][] = [
    ["no TLS", info({}), /does not offer TLS \(configure TLS at the hub/, ""],
    ["TLS required, and not spoken", required + "PONG\r\n", /it does not answer/, "\x16\x03"],
    ["something else", "HTTP/1.1 400 Bad Request\r\n\r\n", /it is no NATS server \(check/, ""],
  ];
  for (const [name, text, reason, sent] of cases) {
    await t.step(name, async () => {
      await using hub = recordingHub(text);
      {
        await using bus = openBus(`tls://shed:hunter2@127.0.0.1:${hub.port}`);
        await eventually("two attempts", () => hub.connections > 1);
        assertMatch(bus.status.reason!, reason);
        assertFalse(/hunter2|shed/.test(bus.lines.join()), bus.lines.join());
      }
      // Deno keeps a connection open whose TLS handshake has begun, until the other side closes it.
      if (sent) { for (const conn of hub.open) conn.close(); }
      assert(sent === "" ? hub.sent === "" : hub.sent.startsWith(sent), hub.sent);
      assertFalse(/CONNECT|hunter2/.test(hub.sent));
    });
  }
  await t.step("the same hub gets the password with nats://", async () => {
    await using hub = recordingHub(info({}));
    await using _bus = openBus(`nats://shed:hunter2@127.0.0.1:${hub.port}`);
    await eventually("the log-in", () => hub.sent.includes('"pass":"hunter2"'));
  });
});

Deno.test(
  "what is added to INFO before TLS is ignored",
  needing("nats-server", "openssl"),
  async () => {
    await using certificate = await makeCertificate();
    await using server = await NatsServer.start({ tls: certificate });
    // A relay that adds a message after the hub's first line.
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    (async () => {
      for await (const conn of listener) {
        const hub = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
        const buffer = new Uint8Array(4_096);
        const info = buffer.subarray(0, (await hub.read(buffer))!);
        const text = new TextDecoder().decode(info);
        await conn.write(new TextEncoder().encode(`${text}-ERR 'Authorization Violation'\r\n`));
        hub.readable.pipeTo(conn.writable).catch(() => {});
        conn.readable.pipeTo(hub.writable).catch(() => {});
      }
    })().catch(() => {}); // the listener is closed
    {
      const ca = await Deno.readTextFile(certificate.cert);
      await using bus = openBus(`tls://127.0.0.1:${listener.addr.port}`, { ca });
      await eventually("an outcome", () => bus.lines.length > 0);
      assertEquals(bus.lines, [`info hub connected hub=127.0.0.1:${listener.addr.port}`]);
    }
    listener.close();
  },
);
