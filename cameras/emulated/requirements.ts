import type { DriverRequirements } from "../../lib/camera/requirements.ts";

/** The driver needs only its own files. */
export default {
  permissions: [],
  programs: [],
} as const satisfies DriverRequirements;
