import type { DriverRequirements } from "../../lib/camera/requirements.ts";

export default {
  permissions: ["net"],
  programs: [],
} as const satisfies DriverRequirements;
