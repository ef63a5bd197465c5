import type { DriverRequirements } from "../../lib/camera/requirements.ts";

/** ffmpeg captures the webcam. */
export default {
  permissions: ["run"],
  programs: [
    {
      name: "ffmpeg",
      commands: ["ffmpeg"],
      versionArgs: ["-version"],
      versionPattern: /version (\S+)/,
      installHint:
        "sudo apt install ffmpeg; on macOS: brew install ffmpeg; on Windows: winget install ffmpeg",
    },
  ],
} as const satisfies DriverRequirements;
