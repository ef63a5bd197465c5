import type { DriverRequirements } from "../../lib/camera/requirements.ts";

/** The driver connects to another server. */
export default {
  permissions: ["net"],
  programs: [],
} as const satisfies DriverRequirements;
