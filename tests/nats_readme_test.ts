import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { systemClock } from "../lib/clock.ts";
import { createLog } from "../lib/log.ts";
import { NatsBus } from "../lib/nats/connection.ts";
import { readHubAddresses } from "../lib/nats/settings.ts";
import { makeCertificate } from "./certificate.ts";
import { NatsServer } from "./nats_server.ts";
import { freePort } from "./nginx.ts";
import { isInstalled, leftOut, needing } from "./parts.ts";
import { codeBlocks } from "./readme.ts";
import { eventually, Server } from "./server.ts";

const [, HUB_COMMANDS = "", SERVERS = ""] = codeBlocks("Cameras and viewers in different places");
const [HOUSEHOLDS = "", , OVERRIDE = ""] = codeBlocks("Origins and edges");
/** Debian's unit for nats-server. */
const UNIT = "/lib/systemd/system/nats-server.service";

/** Returns the README's configuration of a hub with other ports and files. */
function adapt(
  config: string,
  { port, websocketPort = 0, cert, key }: {
    port: number;
    websocketPort?: number;
    cert: string;
    key: string;
  },
): string {
  return config
    .replace("listen: 0.0.0.0:4222", `listen: 127.0.0.1:${port}`)
    .replace("websocket { port: 443", `websocket { listen: "127.0.0.1:${websocketPort}"`)
    .replaceAll("/etc/ssl/hub.pem", `"${cert}"`)
    .replaceAll("/etc/ssl/hub-key.pem", `"${key}"`);
}

Deno.test(
  "the README's hub, origin and edge show a camera to a viewer of the edge",
  needing("nats-server", "openssl"),
  async () => {
    const folder = await Deno.makeTempDir();
    const [commands = "", config = ""] = HUB_COMMANDS.split(/^.*<<END\n|^END\n/m);
    const make = commands.split("\n").filter((line) => !line.startsWith("sudo")).join("\n");
    const { success, stderr } = await new Deno.Command("sh", {
      args: ["-ec", make.replace("hub.example.org", "localhost")],
      cwd: folder,
      stdout: "null",
      stderr: "piped",
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    const [cert, key, port] = [join(folder, "hub.pem"), join(folder, "hub-key.pem"), freePort()];
    const lines = SERVERS.split("\n");
    assertEquals(lines.length, 2);
    const [atOrigin, atEdge] = lines.map((line) => {
      const [settings = "", task] = line.split(" deno task ");
      assertEquals(task, "start");
      const env = Object.fromEntries(settings.split(" ").map((text) => text.split(/=(.*)/)));
      assertEquals(env.NATS_CA, "hub.pem");
      const url = env.NATS_URL.replace("hub.example.org", `localhost:${port}`);
      return { ...env, NATS_URL: url, NATS_CA: cert, HOST: "127.0.0.1" };
    });
    const command = [Deno.execPath(), "task", "-q", "start"];
    {
      await using _hub = await NatsServer.start({
        port,
        config: adapt(config, { port, cert, key }),
      });
      await using origin = await Server.start({
        command,
        env: { ...atOrigin, CAMERA: atOrigin!.CAMERA!.replace("pi", "emulated") },
      });
      await using edge = await Server.start({ command, env: atEdge });
      const get = (path: string) =>
        fetch(edge.url + path, { headers: { Authorization: `Basic ${btoa(atEdge!.AUTH!)}` } });
      const names = async () =>
        (await (await get("/cameras")).json()).map(({ name }: { name: string }) => name);
      await eventually("the camera appears", async () => (await names()).includes("shed"));
      const picture = await get("/cameras/shed/snapshot.jpg");
      assertEquals([picture.status, picture.headers.get("Content-Type")], [200, "image/jpeg"]);
      await picture.bytes();
      await origin.stop();
      await eventually("the camera disappears", async () => (await names()).length === 0);
      for (const { output } of [origin, edge]) assert(!output.includes("me:secret"), output);
    }
    await Deno.remove(folder, { recursive: true });
  },
);

/** Opens a connection that logs into `lines`. */
function openBus(url: string, ca: string) {
  const lines: string[] = [];
  const log = createLog({ clock: systemClock, write: (line) => lines.push(line) });
  const hubs = readHubAddresses({ NATS_URL: url })!;
  return Object.assign(new NatsBus({ hubs, ca, clock: systemClock, log }), { lines });
}

Deno.test(
  "the README's hub for several households separates them, origins and edges",
  needing("nats-server", "openssl"),
  async () => {
    await using certificate = await makeCertificate();
    const ca = await Deno.readTextFile(certificate.cert);
    const [port, websocketPort] = [freePort(), freePort()];
    const config = adapt(HOUSEHOLDS, { port, websocketPort, ...certificate });
    await using _hub = await NatsServer.start({ port, config });
    const connect = (user: string, password: string) =>
      openBus(`tls://${user}:${password}@localhost:${port}`, ca);
    await using shed = connect("smith-shed", "secret1");
    await using smith = connect("smith", "secret2");
    await using home = connect("jones-home", "secret3");
    await using jones = openBus(`wss://jones:secret4@localhost:${websocketPort}`, ca);
    const buses = { shed, smith, home, jones };
    for (const [name, bus] of Object.entries(buses)) {
      await eventually(`${name} is connected`, () => bus.connected);
      assertEquals(bus.maxPayload, 8 * 1024 * 1024);
    }

    const heard: string[] = [];
    const listen = async (name: keyof typeof buses, ...subjects: string[]) => {
      for (const subject of subjects) {
        buses[name].subscribe(subject, (message) => heard.push(`${name} ${message.subject}`));
      }
      await buses[name].flush();
    };
    for (const edge of ["smith", "jones"] as const) {
      await listen(edge, "dinocam.frame.*.*", "dinocam.beat.*");
    }
    await listen("shed", "dinocam.want.shed", "dinocam.want.hall", "dinocam.frame.*.*");
    await listen("home", "dinocam.want.*", "dinocam.frame.*.*");
    for (const [name, bus] of Object.entries(buses)) {
      for (const camera of ["shed", "hall"]) {
        bus.publish(`dinocam.frame.${camera}.0`, name);
        bus.publish(`dinocam.beat.${camera}`, name);
        bus.publish(`dinocam.want.${camera}`, name, bus.createInbox());
      }
      await bus.flush();
    }
    for (const bus of Object.values(buses)) await bus.flush();
    assertEquals(heard.sort(), [
      "home dinocam.want.hall",
      "home dinocam.want.shed",
      "jones dinocam.beat.hall",
      "jones dinocam.beat.shed",
      "jones dinocam.frame.hall.0",
      "jones dinocam.frame.shed.0",
      "shed dinocam.want.shed",
      "smith dinocam.beat.shed",
      "smith dinocam.frame.shed.0",
    ]);

    await using stranger = connect("smith", "secret4");
    await eventually(
      "the wrong password is rejected",
      () => /rejects/.test(`${stranger.status.reason}`),
    );
    assertStringIncludes(stranger.lines.join("\n"), "rejects the user name or the password");
  },
);

Deno.test(
  "the README's settings for Debian's unit of nats-server are valid and restrict it",
  isInstalled("nats-server") && !(await exists(UNIT))
    ? leftOut(UNIT)
    : needing("nats-server", "systemd-analyze"),
  async () => {
    const folder = await Deno.makeTempDir();
    const file = join(folder, "nats-server.service");
    await Deno.writeTextFile(file, `${await Deno.readTextFile(UNIT)}\n${OVERRIDE}\n`);
    const run = async (...args: string[]) => {
      const { stdout, stderr } = await new Deno.Command("systemd-analyze", { args }).output();
      return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    };
    const verified = await run("verify", "--man=no", file);
    assertEquals(verified.split("\n").filter((line) => line.includes(file)), []);
    const exposure = async (unit: string) => {
      const text = await run("security", "--offline=true", "--no-pager", unit);
      return Number(/Overall exposure level for \S+: ([\d.]+)/.exec(text)?.[1]);
    };
    assertLess(await exposure(file), 4.5);
    assertLess(await exposure(file), await exposure(UNIT) / 2);
    await Deno.remove(folder, { recursive: true });
  },
);

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
