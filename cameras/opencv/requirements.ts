import type { DriverRequirements } from "../../lib/camera/requirements.ts";

/** Python runs `capture.py`. */
export default {
  permissions: ["run"],
  programs: [
    {
      name: "OpenCV for Python",
      // The system's Python first: other installations mostly lack OpenCV.
      commands: ["/usr/bin/python3", "python3", "python"],
      versionArgs: ["-c", "import cv2; print('version', cv2.__version__)"],
      versionPattern: /version (\S+)/,
      installHint: "on Debian and Raspberry Pi OS: sudo apt install python3-opencv",
    },
  ],
} as const satisfies DriverRequirements;
