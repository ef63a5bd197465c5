import "./lib/cli/require_deno.ts"; // first: an old Deno is reported before anything else fails
import { fromFileUrl } from "@std/path";
import project from "./deno.json" with { type: "json" };
import { Authenticator } from "./lib/auth/mod.ts";
import { logCameraEvents } from "./lib/camera/event_log.ts";
import { logDriverErrors } from "./lib/camera/driver_errors.ts";
import type { CameraEvent } from "./lib/camera/events.ts";
import { banner } from "./lib/cli/banner.ts";
import { openServerCameras } from "./lib/cli/cameras.ts";
import { runDoctor } from "./lib/cli/doctor.ts";
import { readCommand } from "./lib/cli/flags.ts";
import { load } from "./lib/cli/load.ts";
import { openNats, publishCameras } from "./lib/cli/nats.ts";
import { openRecordings } from "./lib/cli/recordings.ts";
import { openServerRenditions } from "./lib/cli/renditions.ts";
import { reportError } from "./lib/cli/report_error.ts";
import { ResourceGroup } from "./lib/cli/resource_group.ts";
import { reviewSettings } from "./lib/cli/review_settings.ts";
import { describeServer } from "./lib/cli/server_address.ts";
import { readServerCamera, SETTINGS } from "./lib/cli/settings.ts";
import { stopSignal } from "./lib/cli/signals.ts";
import { openSounds } from "./lib/cli/sounds.ts";
import { usage } from "./lib/cli/usage.ts";
import { systemClock as clock } from "./lib/clock.ts";
import { explain, ImmediateStop } from "./lib/errors.ts";
import { Events } from "./lib/events.ts";
import { createApp } from "./lib/http/app.ts";
import { readPages } from "./lib/http/page_routes.ts";
import { listen, readTls } from "./lib/http/serve.ts";
import { serverRoutes } from "./lib/http/server_routes.ts";
import { createLog } from "./lib/log.ts";
import { killAll } from "./lib/process/mod.ts";
import { notifyReady } from "./lib/systemd.ts";

/** Grace period at shutdown for cameras and open responses, in milliseconds. */
const VIEWERS_GRACE_PERIOD = 800;
/** Grace period after that for modules that have data to write, in milliseconds. */
const MODULES_GRACE_PERIOD = 5_000;

const { version } = project;

if (import.meta.main) Deno.exit(await main(Deno.args).catch(reportError) ?? 0);

/** Runs the command in the arguments. @returns The exit code, if it is not 0. */
async function main(args: string[]): Promise<number | void> {
  const command = readCommand(args);
  if (command === "help") return console.log(usage(version, SETTINGS));
  if (command === "version") return console.log(version);

  const loaded = await load(command);
  const { config, access, hubs, drivers, readCamera, env, dotenv } = loaded;
  const stopped = stopSignal();
  if (command !== "serve") {
    return await runDoctor(command, { config, hubs, drivers, readCamera, env, dotenv, stopped });
  }

  const log = createLog({ clock, write: console.error, json: config.log === "json" });
  await using stack = new AsyncDisposableStack(); // disposal: viewers, modules, killAll
  stack.defer(killAll);
  const modules = stack.use(new ResourceGroup("modules", MODULES_GRACE_PERIOD, log));
  const viewers = stack.use(new ResourceGroup("viewers", VIEWERS_GRACE_PERIOD, log));

  const events = new Events<CameraEvent>((error, { type }) =>
    log.error("event listener failed", { event: type, reason: explain(error) })
  );
  modules.use(logCameraEvents(events, { clock, log }));
  modules.use(logDriverErrors(config.camerasDir, { clock, log }));
  const hub = await openNats(config, { hubs, clock, log });
  if (hub) viewers.use(hub);
  const opening = openServerCameras(config, { drivers, readCamera, clock, events, log });
  const opened = await Promise.race([opening, stopped]); // a driver may take its time to load
  if (!opened) return;
  const { list: cameras, cameras: configs, groups } = opened;
  viewers.defer(() => cameras.close(new ImmediateStop("Shutdown")));
  const renditions = viewers.use(openServerRenditions(cameras, { env, events, clock, log }));
  const sounds = await openSounds(configs, { cameras: cameras.configured, clock, log });
  const review = reviewSettings({ env, cameras: configs, groups, dotenv });
  const recording = await openRecordings(config.recording, {
    cameras,
    settingsOf: (camera) => readServerCamera(env, camera).recording,
    sounds,
    clock,
    log,
  });
  const publishing = hub && publishCameras(hub, config, { list: cameras, configs, groups, hubs });
  if (recording) modules.use(recording);
  if (sounds) viewers.use(sounds);

  const pages = await readPages(fromFileUrl(new URL("static", import.meta.url)));
  const tls = await readTls(config.tls);
  const server = viewers.use(listen({ ...config, tls, log })); // nothing is awaited until handle()
  const { maxViewers, allowOrigin } = config;
  const directTo = server.connections.directTo.bind(server.connections);
  const serverInfo = () => describeServer(config, access, server.port);
  const common = { clock, log };
  const options = {
    ...common,
    cameras,
    sounds,
    renditions,
    recording,
    hub,
    pages,
    maxViewers,
    directTo,
    serverInfo,
  };
  const routes = [...serverRoutes({ ...options, version })];
  const authenticator = new Authenticator(access, common);
  const app = createApp({ ...common, routes, authenticator, allowOrigin });
  server.handle((request, info) => app.fetch(request, info));
  loaded.onListening();
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
  console.log(banner({ host, cameras: configs }, description));
  if (env.NOTIFY_SOCKET) notifyReady(env.NOTIFY_SOCKET); // systemd waits for it
  await stopped;
}
