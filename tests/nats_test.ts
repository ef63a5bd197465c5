import { assert, assertEquals, assertFalse, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { ORIGIN_TIMEOUT } from "../lib/nats/protocol.ts";
import { makeCertificate } from "./certificate.ts";
import { NatsServer } from "./nats_server.ts";
import { freePort } from "./nginx.ts";
import { needing } from "./parts.ts";
import { eventually, ROOT, Server } from "./server.ts";

/** Starts a server as `deno task start` does, with its permissions. */
function start(env: Record<string, string>): Promise<Server> {
  return Server.start({ command: [Deno.execPath(), "task", "-q", "start"], env });
}

/** Runs the program until it ends. */
async function run(args: string[], env: Record<string, string>) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { PORT: "0", NO_COLOR: "1", ...env },
  }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trimEnd());
  return { code, out: out!, err: err! };
}

async function namesAt({ url }: Server): Promise<string[]> {
  const cameras: { name: string }[] = await (await fetch(`${url}/cameras`)).json();
  return cameras.map(({ name }) => name);
}

Deno.test(
  "an origin and an edge work by TLS with the permissions of `deno task start`",
  needing("nats-server", "openssl"),
  async () => {
    await using certificate = await makeCertificate();
    await using hub = await NatsServer.start({
      tls: certificate,
      config: `authorization { users: [{ user: me, password: "hunter2" }] }`,
    });
    const common = {
      NATS_URL: `tls://me:hunter2@localhost:${hub.port}`,
      NATS_CA: certificate.cert,
    };
    const cameras = "front=emulated,yard=emulated,hall=emulated";
    await using origin = await start({ ...common, CAMERA: cameras, PUBLISH: "front,yard" });
    await using edge = await start({ ...common, CAMERA: "nats,own=nats", OWN_SOURCE: "yard" });
    await eventually("cameras appear", async () => (await namesAt(edge)).length === 3);
    assertEquals((await namesAt(edge)).sort(), ["front", "own", "yard"]);
    for (const name of ["front", "own"]) {
      const snapshot = await fetch(`${edge.url}/cameras/${name}/snapshot.jpg`);
      assertEquals([name, snapshot.status], [name, 200]);
      assertEquals([...(await snapshot.bytes()).subarray(0, 3)], [0xff, 0xd8, 0xff]);
    }
    await origin.stop(); // says that it leaves: the edge need not wait for beats
    const hasLeft = async () => (await namesAt(edge)).join() === "own";
    await eventually("cameras disappear", hasLeft, ORIGIN_TIMEOUT / 2);
    const gone = await fetch(`${edge.url}/cameras/own/snapshot.jpg`);
    assertEquals(gone.status, 503);
    assertStringIncludes(await gone.text(), "yard");
    await edge.stop();
    for (const { output } of [origin, edge]) {
      assertStringIncludes(output, `NATS_URL=tls://localhost:${hub.port}`);
      assertFalse(output.includes("hunter2"), output);
    }
    assertStringIncludes(origin.output, `Publishing front, yard at the hub localhost:${hub.port}`);
    assertFalse(edge.output.includes("Publishing"), edge.output);
  },
);

Deno.test("the server starts and serves while its hub is away", async () => {
  const address = `127.0.0.1:${freePort()}`;
  const env = { NATS_URL: `nats://me:hunter2@${address}`, PUBLISH: "all" };
  await using server = await start(env);
  const snapshot = await fetch(`${server.url}/snapshot.jpg`);
  assertEquals(snapshot.status, 200);
  await snapshot.bytes();
  await eventually("a log line", () => server.output.includes("hub connection failed"));
  const health = await fetch(`${server.url}/healthz`);
  assertEquals(health.status, 200);
  assertEquals((await health.json()).hub.connected, false);
  const { code, took } = await server.stop();
  assertEquals(code, 0);
  assert(took < 2_000, `${took} ms`);
  assertStringIncludes(server.output, `Cannot connect to ${address}: connection refused`);
  assertStringIncludes(server.output, `Publishing all cameras at the hub ${address}`);
  assertEquals(server.output.split("hub connection failed").length, 2);
  assertFalse(server.output.includes("hunter2"), server.output);
});

Deno.test("a server whose cameras all come from the hub says that it publishes none", async () => {
  const NATS_URL = `nats://127.0.0.1:${freePort()}`;
  await using server = await start({ NATS_URL, PUBLISH: "all", CAMERA: "nats,front=nats" });
  assertMatch(server.output, /^Publishing no cameras, as all of them come from the hub/m);
  assertFalse(server.output.includes("Publishing all"), server.output);
});

Deno.test(
  "drivers and the programs that they run do not get NATS_URL",
  needing("env"),
  async () => {
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(
      join(folder, "curious.ts"),
      `import { CameraError } from "dinocam/errors.ts";
     import { output } from "dinocam/process.ts";
     export default {
       configure: (env) => Object.entries(env).join(),
       async *open(settings, signal) {
         const own = Object.entries(Deno.env.toObject()).join();
         const program = await output(["env"], [], signal);
         const found = [settings, own, String(program)].map((text) => text.includes("hunter2"));
         throw new CameraError("found: " + found, { permanent: true });
       },
     };`,
    );
    {
      await using server = await start({
        CAMERA: "curious",
        CAMERAS_DIR: folder,
        NATS_URL: `nats://me:hunter2@127.0.0.1:${freePort()}`,
      });
      const text = await (await fetch(`${server.url}/snapshot.jpg`)).text();
      assertStringIncludes(text, "found: false,false,false");
      await server.stop();
    }
    await Deno.remove(folder, { recursive: true });
  },
);

Deno.test("invalid settings of the hub, and missing permissions, are reported in one line", async (t) => {
  const url = "tls://me:hunter2@hub.example";
  const task = ["task", "-q", "start"];
  const cases: [string, string[], Record<string, string>, RegExp][] = [
    [
      "PUBLISH names no camera",
      task,
      { NATS_URL: url, PUBLISH: "frnt" },
      /camera "frnt" of PUBLISH/,
    ],
    ["a password without TLS", task, { NATS_URL: "nats://me:hunter2@hub.example" }, /use tls:\/\//],
    ["no NATS_URL", task, { CAMERA: "front=nats" }, /"nats" without NATS_URL: set it to/],
    ["no NATS_URL for all cameras", task, { CAMERA: "nats" }, /"nats" without NATS_URL: set it to/],
    ["NATS_CA", task, { NATS_URL: url, NATS_CA: "/nowhere.pem" }, /of NATS_CA: no such file/],
    [
      "no permission to connect",
      [
        ...["run", "-q", "--no-prompt", "--allow-env", "--allow-read", "--allow-ffi"],
        ...["--allow-net=127.0.0.1", "main.ts"],
      ],
      { NATS_URL: url },
      /^Cannot run without Deno's permission --allow-net: type deno task start/,
    ],
  ];
  for (const [name, args, env, expected] of cases) {
    await t.step(name, async () => {
      const { code, err } = await run(args, env);
      assertEquals([code, err.split("\n").length], [2, 1], err);
      assertMatch(err, expected);
      assertFalse(/hunter2/.test(err), err);
    });
  }
});

Deno.test("doctor checks the hub, and shows no password", needing("nats-server"), async () => {
  await using hub = await NatsServer.start({
    config: `authorization { users: [{ user: me, password: "hunter2", permissions: {
      publish: ["dinocam.frame.*.*", "dinocam.beat.*"], subscribe: "dinocam.want.*" } }] }`,
  });
  const doctor = (env: Record<string, string>) =>
    run(["task", "-q", "doctor"], { NATS_URL: hub.urlFor("me:hunter2"), ...env });
  const [origin, edge, all] = await Promise.all([
    doctor({ PUBLISH: "all" }),
    doctor({ CAMERA: "front=nats" }),
    doctor({ CAMERA: "nats" }),
  ]);
  assertMatch(origin.out, /^ok +The hub 127\.0\.0\.1:\d+ \(NATS .*, without TLS\) answers in/m);
  assertFalse(/denies/.test(origin.out), origin.out);
  assertMatch(
    edge.out,
    /^problem +The hub denies the user of NATS_URL these rights: subscribe to dinocam/m,
  );
  assertEquals(edge.code, 1);
  assertMatch(all.out, /^warning +No camera within 5 s: no origin publishes one at the hub/m);
  for (const { out, err } of [origin, edge, all]) assertFalse(/hunter2/.test(out + err), out + err);
});
