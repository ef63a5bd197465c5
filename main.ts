import { fromFileUrl } from "@std/path";
import { parseArgs } from "node:util";
import project from "./deno.json" with { type: "json" };
import { type Access, Authenticator, readAccess } from "./lib/auth/mod.ts";
import { Camera } from "./lib/camera/camera.ts";
import { logCameraEvents } from "./lib/camera/event_log.ts";
import type { CameraEvent } from "./lib/camera/events.ts";
import { driverFolders, DriverRegistry } from "./lib/camera/registry.ts";
import { settlesWithin, systemClock } from "./lib/clock.ts";
import { type CameraConfig, type Config, readConfig } from "./lib/config.ts";
import { formatFinding, listCameras, type Lister, runChecks } from "./lib/doctor/mod.ts";
import { ConfigError, explain, ImmediateStop } from "./lib/errors.ts";
import { Events } from "./lib/events.ts";
import { createApp } from "./lib/http/app.ts";
import { readPages } from "./lib/http/page_routes.ts";
import { serverRoutes } from "./lib/http/server_routes.ts";
import { createLog, type Log } from "./lib/log.ts";
import { killAll } from "./lib/process/mod.ts";
import { type Connections, openConnections } from "./lib/sockets/mod.ts";
import { notifyReady } from "./lib/systemd.ts";

/** How long the cameras and the open responses have to end, in milliseconds. */
const SHUTDOWN_GRACE_PERIOD = 800;
/** After so much of it, connections are cut off where that can be done. */
const FORCE_CLOSE_AFTER = 300;
/** How often connections on which nothing moves any more are looked for, in milliseconds. */
const IDLE_SWEEP_INTERVAL = 10_000;

const USAGE = `dinocam ${project.version}: a camera server

Usage: dinocam [doctor | --list-cameras | --help | --version]

Without any of these it serves the cameras. doctor looks at the machine and the cameras, and says
what is wrong and what to do; --list-cameras shows which cameras are there.

Settings are environment variables:
  CAMERA         which cameras: pi, or pi,usb, or named: front=usb,back=usb   (emulated)
  HOST, PORT     where to listen                                    (127.0.0.1, 8000)
  AUTH           user:password, or none: anyone may watch      (needed with any HOST)
  TLS_CERT, TLS_KEY   PEM files: serve HTTPS
  MAX_VIEWERS    past it others are asked to come back later
  LOG            text, or json: lines for machines                             (text)
  WIDTH, HEIGHT, FPS, QUALITY, ROTATE   wishes to the camera           (as the driver)
  SOURCE         which device, file, address or program                (as the driver)
  IDLE_SECONDS   a camera stops so long after its last viewer; 0; never           (10)
  ALLOW_ORIGIN   whose pages may read the streams: origins, or * for all
  CAMERAS_DIR    a folder with drivers of your own
  SEND_QUEUE     short: a slow viewer skips pictures; system: it may see old ones (short)
For one camera alone: FRONT_FPS is the FPS of the camera called front.
`;

if (import.meta.main) {
  try {
    await main(Deno.args);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    fail(error.message, 2);
  }
}

async function main(args: string[]): Promise<void> {
  const { help, version, listing, doctor } = readFlags(args);
  if (help) return console.log(USAGE.trimEnd());
  if (version) return console.log(project.version);
  const { AUTH, ...env } = Deno.env.toObject();
  Deno.env.delete("AUTH"); // cameras' programs, and drivers, have no use for it
  const config = readConfig(env);
  const access = readAccess(AUTH, config.host);
  const log = createLog({ clock: systemClock, write: console.error, json: config.jsonLog });
  const folders = driverFolders(config.camerasDir, Deno.build.standalone);
  const drivers = await DriverRegistry.open(folders);
  if (listing || doctor) return await runDoctor(config, drivers, listing);
  const events = new Events<CameraEvent>((error, { type }) =>
    log.error("event listener failed", { event: type, reason: explain(error) })
  );
  logCameraEvents(events, log);
  const cameras = await Promise.all(config.cameras.map((one) => openCamera(one, drivers, events)));
  const pages = await readPages(fromFileUrl(new URL("static", import.meta.url)));
  const app = createApp({
    routes: serverRoutes({
      cameras,
      pages,
      maxViewers: config.maxViewers,
      directTo: (client, http1) => connections.directTo(client, http1),
      version: project.version,
      clock: systemClock,
      log,
    }),
    authenticator: new Authenticator(access, { clock: systemClock, log }),
    allowOrigin: config.allowOrigin,
    clock: systemClock,
    log,
  });
  const server = listen(config, await readTls(config), (request, info) => app.fetch(request, info));
  const connections = openConnections(server.addr.port, {
    limitSendQueue: config.shortSendQueue,
    direct: config.shortSendQueue && !config.tls, // Deno terminates TLS
  });
  const reason = connections.unavailable;
  if (reason) log.info("slow viewers may see old pictures", { reason });
  sweepIdleConnections(connections, log);
  printBanner(config, access, server.addr.port);
  if (env.NOTIFY_SOCKET) notifyReady(env.NOTIFY_SOCKET); // systemd wants to know
  await stopSignal();
  await shutDown(server, cameras, connections);
}

interface Flags {
  help?: boolean;
  version?: boolean;
  listing: boolean;
  doctor: boolean;
}

function readFlags(args: string[]): Flags {
  const boolean = { type: "boolean" } as const;
  const options = { help: { ...boolean, short: "h" }, version: boolean, "list-cameras": boolean };
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const [command, ...rest] = positionals;
    if ((command ?? "doctor") !== "doctor" || rest.length > 0) throw new Error("no such command");
    return { ...values, listing: values["list-cameras"] ?? false, doctor: command === "doctor" };
  } catch {
    throw new ConfigError(
      `Cannot read ${args.join(" ")}: there are doctor, --list-cameras, --help and --version only`,
    );
  }
}

/** Prints what the doctor finds, or the list of cameras, and ends; with code 1 if something is wrong. */
async function runDoctor(
  config: Config,
  drivers: DriverRegistry,
  listing: boolean,
): Promise<never> {
  if (Deno.permissions.querySync({ name: "run" }).state !== "granted") {
    throw new ConfigError(
      "Cannot look for cameras as no program may be run: use `deno task doctor` or " +
        "`deno task list-cameras`",
    );
  }
  const stop = new AbortController();
  stopSignal().then(() => stop.abort(new ImmediateStop("Somebody has seen enough")));
  const listers = await listersOf(drivers);
  const requirements = await drivers.requirements();
  let problems = 0;
  if (listing) { for await (const line of listCameras(listers, stop.signal)) console.log(line); }
  else {
    const cameras = await Promise.all(
      config.cameras.map(async (one) => ({ ...one, ...await openDriver(one, drivers) })),
    );
    for await (
      const finding of runChecks({ ...config, cameras, listers, requirements }, stop.signal)
    ) {
      console.log(formatFinding(finding));
      if (finding.verdict === "problem") problems++;
    }
    console.log(problems === 0 ? "No problems found" : `Problems: ${problems}`);
  }
  killAll();
  Deno.exit(problems === 0 ? 0 : 1);
}

/** The drivers that can look for their cameras. */
async function listersOf(drivers: DriverRegistry): Promise<Lister[]> {
  const listers: Lister[] = [];
  for (const name of drivers.names) {
    // One that cannot be loaded is told of where it is asked for.
    const driver = await drivers.load(name).catch(() => undefined);
    if (driver?.list) listers.push({ driver: name, list: (signal) => driver.list!(signal) });
  }
  return listers;
}

async function openDriver({ driver, env }: CameraConfig, drivers: DriverRegistry) {
  const { configure, open } = await drivers.load(driver);
  const settings = configure(env);
  return { fps: settings?.fps, open: (signal: AbortSignal) => open(settings, signal) };
}

async function openCamera(
  config: CameraConfig,
  drivers: DriverRegistry,
  events: Events<CameraEvent>,
): Promise<Camera> {
  const { name, driver, idleTimeout } = config;
  return new Camera({
    name,
    driver,
    ...await openDriver(config, drivers),
    idleTimeout,
    clock: systemClock,
    events,
  });
}

async function readTls({ tls }: Config): Promise<{ cert: string; key: string } | undefined> {
  if (!tls) return undefined;
  const read = async (name: string, path: string) => {
    try {
      return await Deno.readTextFile(path);
    } catch (cause) {
      const { message } = cause as Error;
      throw new ConfigError(`Cannot read the file that ${name} names: ${message}`, { cause });
    }
  };
  return { cert: await read("TLS_CERT", tls.cert), key: await read("TLS_KEY", tls.key) };
}

function listen(
  { host, port }: Config,
  tls: { cert: string; key: string } | undefined,
  handle: Deno.ServeHandler<Deno.NetAddr>,
) {
  try {
    return Deno.serve({ hostname: host, port, ...tls, onListen: () => {} }, (request, info) => {
      // A malformed Host header or request line gives an address that is none.
      if (URL.canParse(request.url)) return handle(request, info);
      return new Response("Cannot read the request's address or its Host\n", { status: 400 });
    });
  } catch (error) {
    if (tls && (error instanceof Deno.errors.InvalidData || /keys?\b/.test(`${error}`))) {
      const { message } = error as Error;
      throw new ConfigError(`Cannot serve HTTPS with TLS_CERT and TLS_KEY: ${message}`);
    }
    const where = `${host}:${port}`;
    if (error instanceof Deno.errors.AddrInUse) {
      fail(`Cannot listen on ${where}: another program does; choose another PORT`, 1);
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      fail(`Cannot listen on ${where}: that needs more rights; choose a PORT above 1023`, 1);
    }
    fail(`Cannot listen on ${where}: is HOST a name or an address of this machine?`, 1);
  }
}

/** Closes idle connections regularly, for as long as the server runs. */
function sweepIdleConnections(connections: Connections, log: Log): void {
  setInterval(() => {
    const count = connections.closeIdle();
    if (count > 0) log.info("idle connections closed", { count });
  }, IDLE_SWEEP_INTERVAL);
}

function printBanner({ host, cameras, tls }: Config, access: Access, port: number): void {
  const shown = ["0.0.0.0", "::"].includes(host) ? "<this machine's address>" : host;
  const names = cameras.map(({ name, driver }) => name === driver ? name : `${name} (${driver})`);
  console.log(`dinocam ${project.version} serves ${names.join(", ")}`);
  console.log(
    `Watch at http${tls ? "s" : ""}://${shown.includes(":") ? `[${shown}]` : shown}:${port}/`,
  );
  if (access === "this machine") {
    console.log(
      "Only this machine can watch; HOST=0.0.0.0 AUTH=user:password opens it to your network",
    );
  } else if (access === "anyone") console.log("Anyone who can connect can watch (AUTH=none)");
  else console.log("Viewers need the user name and the password of AUTH");
}

function stopSignal(): Promise<void> {
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM"];
  return new Promise((resolve) => {
    for (const signal of signals) Deno.addSignalListener(signal, resolve);
  });
}

async function shutDown(
  server: Deno.HttpServer,
  cameras: readonly Camera[],
  connections: Connections,
): Promise<never> {
  const closing = [
    server.shutdown(), // takes no more connections, and waits for the open ones
    ...cameras.map((camera) => camera.close(new ImmediateStop("The server is shutting down"))),
  ];
  const closed = Promise.allSettled(closing);
  // A viewer that has stopped reading would hold its connection open forever.
  if (!await settlesWithin(closed, FORCE_CLOSE_AFTER)) connections.closeAll();
  await settlesWithin(closed, SHUTDOWN_GRACE_PERIOD - FORCE_CLOSE_AFTER);
  killAll();
  Deno.exit(0);
}

function fail(message: string, code: number): never {
  console.error(message);
  Deno.exit(code);
}
