// Publishes a camera "front" of 30 frames per second at the hub in the first argument.
import { systemClock as clock } from "../../../lib/clock.ts";
import { NatsBus } from "../../../lib/nats/connection.ts";
import { readHubAddresses } from "../../../lib/nats/settings.ts";
import { silentLog as log } from "../../silent.ts";
import { setUpCamera, setUpPublisher } from "./origin.ts";

const hubs = readHubAddresses({ NATS_URL: Deno.args[0]! })!;
const bus = new NatsBus({ hubs, ca: undefined, clock, log });
const { camera } = setUpCamera({ clock, idleTimeout: 0 });
const { publisher } = setUpPublisher({ bus, clock, cameras: [camera] });
Deno.addSignalListener("SIGTERM", async () => {
  publisher[Symbol.dispose]();
  await bus[Symbol.asyncDispose]();
  Deno.exit();
});
