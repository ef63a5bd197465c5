import "./lib/cli/require_deno.ts"; // first: an old Deno is reported before anything else fails
import { fromFileUrl } from "@std/path";
import project from "./deno.json" with { type: "json" };
import { Authenticator } from "./lib/auth/mod.ts";
import { logCameraEvents } from "./lib/camera/event_log.ts";
import { logDriverErrors } from "./lib/camera/driver_errors.ts";
import type { CameraEvent } from "./lib/camera/events.ts";
import { MutableCameraList } from "./lib/camera/camera_list.ts";
import { openCameras } from "./lib/camera/open.ts";
import { banner } from "./lib/cli/banner.ts";
import { runDoctor } from "./lib/cli/doctor.ts";
import { readCommand } from "./lib/cli/flags.ts";
import { load } from "./lib/cli/load.ts";
import { openRecordings } from "./lib/cli/recordings.ts";
import { reportError } from "./lib/cli/report_error.ts";
import { ResourceGroup } from "./lib/cli/resource_group.ts";
import { recordCameras, reviewSettings } from "./lib/cli/review_settings.ts";
import { describeServer } from "./lib/cli/server_address.ts";
import { SETTINGS } from "./lib/cli/settings.ts";
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

  const { config, access, drivers, env, dotenv } = await load(command);
  const stopped = stopSignal();
  if (command !== "serve") {
    return await runDoctor(command, { config, drivers, env, dotenv, stopped });
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
  const configs = recordCameras(config.cameras);
  // A driver may take its time to load.
  const cameras = await Promise.race([openCameras(configs, drivers, { clock, events }), stopped]);
  if (!cameras) return;
  const sounds = await openSounds(configs, { cameras, clock, log });
  const review = reviewSettings({ env, cameras: configs, dotenv });
  const recording = await openRecordings(config.recording, {
    cameras: new MutableCameraList(cameras),
    settingsOf: (name) => config.cameras.find((one) => one.name === name)!.recording,
    discovers: false,
    sounds,
    clock,
    log,
  });
  if (recording) modules.use(recording);
  if (sounds) viewers.use(sounds);
  for (const camera of cameras) viewers.defer(() => camera.close(new ImmediateStop("Shutdown")));

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
    recording,
    pages,
    maxViewers,
    directTo,
    serverInfo,
  };
  const routes = [...serverRoutes({ ...options, version })];
  const authenticator = new Authenticator(access, common);
  const app = createApp({ ...common, routes, authenticator, allowOrigin });
  server.handle((request, info) => app.fetch(request, info));
  const { addresses } = serverInfo();
  console.log(
    banner(config, { version, access, addresses, review, recording: recording?.summary }),
  );
  if (env.NOTIFY_SOCKET) notifyReady(env.NOTIFY_SOCKET); // systemd waits for it
  await stopped;
}
