import type { DriverRequirements } from "../../lib/camera/requirements.ts";

/** The driver uses the server's connection to the hub, for which `NATS_URL` gives the permission. */
export default {
  permissions: [],
  programs: [],
} as const satisfies DriverRequirements;
