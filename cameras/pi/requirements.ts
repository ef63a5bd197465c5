import type { DriverRequirements } from "../../lib/camera/requirements.ts";

/** `rpicam-vid` captures the camera. */
export default {
  permissions: ["run"],
  programs: [
    {
      name: "rpicam-vid",
      // Its name since 2023, then its older name.
      commands: ["rpicam-vid", "libcamera-vid"],
      versionArgs: ["--version"],
      versionPattern: /build: v?(\S+)/,
      installHint: "on Raspberry Pi OS: sudo apt install rpicam-apps-lite",
    },
  ],
} as const satisfies DriverRequirements;
