import type { DriverRequirements } from "../../lib/camera/requirements.ts";

export default {
  permissions: [],
  programs: [],
} as const satisfies DriverRequirements;
