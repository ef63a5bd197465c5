import type { DriverRequirements } from "../../lib/camera/requirements.ts";

/** `SOURCE` names the program. */
export default {
  permissions: ["run"],
  programs: [],
} as const satisfies DriverRequirements;
