import "./lib/cli/require_deno.ts"; // first: an old Deno is reported before anything else fails
import project from "./deno.json" with { type: "json" };
import { Authenticator } from "./lib/auth/mod.ts";
import type { CameraEvent } from "./lib/camera/events.ts";
import { readCommand } from "./lib/cli/flags.ts";
import { load } from "./lib/cli/load.ts";
import { reportError } from "./lib/cli/report_error.ts";
import { ResourceGroup } from "./lib/cli/resource_group.ts";
import { describeServer } from "./lib/cli/server_address.ts";
import { readServerCamera, SETTINGS } from "./lib/cli/settings.ts";
import { stopSignal } from "./lib/cli/signals.ts";
import { systemClock as clock } from "./lib/clock.ts";
import { explain, ImmediateStop } from "./lib/errors.ts";
import { createApp, DeferredApp } from "./lib/http/app.ts";
import { readPages } from "./lib/http/page_routes.ts";
import { listen, readTls } from "./lib/http/serve.ts";
import { createLog } from "./lib/log.ts";

/** Grace period at shutdown for cameras and open responses, in milliseconds. */
const VIEWERS_GRACE_PERIOD = 800;
/** Grace period after that for modules that have data to write, in milliseconds. */
const MODULES_GRACE_PERIOD = 5_000;

const { version } = project;

if (import.meta.main) Deno.exit(await main(Deno.args).catch(reportError) ?? 0);

/**
 * Runs the command in the arguments. Modules that are not always needed are loaded by a computed
 * path: Deno would load what a literal `import()` names at the start, before anything runs.
 *
 * @returns The exit code, if it is not 0.
 */
async function main(args: string[]): Promise<number | void> {
  const command = readCommand(args);
  if (command === "help") {
    const { usage }: typeof import("./lib/cli/usage.ts") = await import(
      import.meta.resolve("./lib/cli/usage.ts")
    );
    return console.log(usage(version, SETTINGS));
  }
  if (command === "version") return console.log(version);

  const loaded = await load(command);
  const { config, access, hubs, drivers, readCamera, env, dotenv } = loaded;
  let killAll = () => {}; // no program runs before `lib/process/` is loaded
  const stopped = stopSignal(() => killAll());
  if (command !== "serve") {
    const doctor: typeof import("./lib/cli/doctor.ts") = await import(
      import.meta.resolve("./lib/cli/doctor.ts")
    );
    killAll = doctor.killAll;
    return await doctor.runDoctor(command, {
      config,
      hubs,
      drivers,
      readCamera,
      env,
      dotenv,
      stopped,
    });
  }

  const log = createLog({ clock, write: console.error, json: config.log === "json" });
  await using stack = new AsyncDisposableStack(); // disposal: viewers, modules, killAll
  stack.defer(() => killAll());
  const modules = stack.use(new ResourceGroup("modules", MODULES_GRACE_PERIOD, log));
  const viewers = stack.use(new ResourceGroup("viewers", VIEWERS_GRACE_PERIOD, log));

  const pages = readPages(`${import.meta.dirname}/static`);
  const tls = await readTls(config.tls);
  const server = viewers.use(listen({ ...config, tls, log })); // nothing is awaited until handle()
  const authenticator = new Authenticator(access, { clock, log });
  const { allowOrigin } = config;
  const common = { authenticator, allowOrigin, clock, log };
  const app = viewers.use(new DeferredApp({ ...common, pages }));
  server.handle(app.fetch);
  loaded.onListening();

  // The page is served from here on. Other requests wait until the cameras are open.
  await app.firstResponses();
  const started: typeof import("./lib/cli/started.ts") = await import(
    import.meta.resolve("./lib/cli/started.ts")
  );
  killAll = started.killAll;
  const { Events, openNats, openRecordings, openServerCameras, openSounds } = started;
  const events = new Events<CameraEvent>((error, { type }) =>
    log.error("event listener failed", { event: type, reason: explain(error) })
  );
  modules.use(started.logCameraEvents(events, { clock, log }));
  modules.use(started.logDriverErrors(config.camerasDir, { clock, log }));
  viewers.use(started.releaseStartMemory(events, { clock }));
  const hub = await openNats(config, { hubs, clock, log });
  if (hub) viewers.use(hub);
  await server.controlConnections();
  const opening = openServerCameras(config, { drivers, readCamera, clock, events, log });
  const opened = await Promise.race([opening, stopped]); // a driver may take its time to load
  if (!opened) return;
  const { list: cameras, cameras: configs, groups } = opened;
  viewers.defer(() => cameras.close(new ImmediateStop("Shutdown")));
  const sounds = await openSounds(configs, { cameras: cameras.configured, clock, log });
  const review = started.reviewSettings({ env, cameras: configs, groups, dotenv });
  const recording = await openRecordings(config.recording, {
    cameras,
    settingsOf: (camera) => readServerCamera(env, camera).recording,
    sounds,
    clock,
    log,
  });
  const publishing = hub &&
    started.publishCameras(hub, config, { list: cameras, configs, groups, hubs });
  if (recording) modules.use(recording);
  if (sounds) viewers.use(sounds);

  const serverInfo = () => describeServer(config, access, server.port);
  const { maxViewers } = config;
  const directTo = server.directTo.bind(server);
  const served = { cameras, sounds, recording, hub, pages, maxViewers, directTo, serverInfo };
  const startedAt = clock.now();
  app.loadWith(async () => {
    const { openServerRenditions }: typeof import("./lib/cli/renditions.ts") = await import(
      import.meta.resolve("./lib/cli/renditions.ts")
    );
    const { serverRoutes }: typeof import("./lib/http/server_routes.ts") = await import(
      import.meta.resolve("./lib/http/server_routes.ts")
    );
    const renditions = viewers.use(openServerRenditions(cameras, { env, events, clock, log }));
    const routes = serverRoutes({ ...served, renditions, version, startedAt, clock, log });
    return createApp({ ...common, routes }).fetch;
  });
  const { addresses } = serverInfo();
  const summary = recording?.summary;
  const { host } = config;
  const description = {
    version,
    access,
    addresses,
    groups,
    review,
    recording: summary,
    publishing,
  };
  console.log(started.banner({ host, cameras: configs }, description));
  if (env.NOTIFY_SOCKET) started.notifyReady(env.NOTIFY_SOCKET); // systemd waits for it
  await stopped;
}
