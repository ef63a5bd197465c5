import type { DriverRequirements } from "../../lib/camera/requirements.ts";

export default {
  permissions: ["run"],
  programs: [],
} as const satisfies DriverRequirements;
