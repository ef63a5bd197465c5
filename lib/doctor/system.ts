import { output } from "../process/mod.ts";
import type { Finding } from "./finding.ts";

/** Deno permissions that the server needs, and what fails without them. */
const PERMISSIONS = [
  { name: "net", consequence: "no client can connect" },
  { name: "run", consequence: "no capture program can be started" },
  { name: "read", consequence: "pages and drivers cannot be read" },
] as const;

/** Checks the operating system, the permissions of Deno, and the access to video devices. */
export async function* checkSystem(
  usedDrivers: ReadonlySet<string>,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  const { os, arch } = Deno.build;
  yield { verdict: "ok", text: `Deno ${Deno.version.deno} on ${os}, ${arch}` };
  yield* await checkPermissions();
  if (os !== "linux") return;
  yield* checkModel(usedDrivers, await stdoutOf("cat", ["/proc/device-tree/model"], signal));
  yield* await checkDeviceAccess(signal);
}

async function checkPermissions(): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { name, consequence } of PERMISSIONS) {
    // "prompt" means granted for some values; whether they fit depends on the settings.
    const { state } = await Deno.permissions.query({ name });
    if (state !== "denied") continue;
    findings.push({ verdict: "problem", text: `Without Deno's --allow-${name}, ${consequence}` });
  }
  return findings;
}

function* checkModel(usedDrivers: ReadonlySet<string>, model: string): Generator<Finding> {
  if (/Raspberry Pi/.test(model)) yield { verdict: "ok", text: model };
  else if (usedDrivers.has("pi")) {
    const advice = "for a webcam set CAMERA=usb";
    yield { verdict: "note", text: "This machine is not a Raspberry Pi", advice };
  }
}

/** Prints `yes` or `no` and each video device: whether this user can read and write the device. */
const LIST_DEVICES = `
for device in /dev/video*; do
  [ -c "$device" ] || continue
  [ -r "$device" ] && [ -w "$device" ] && echo "yes $device" || echo "no $device"
done`;

async function checkDeviceAccess(signal: AbortSignal): Promise<Finding[]> {
  const devices = (await stdoutOf("sh", ["-c", LIST_DEVICES], signal)).split("\n").filter(Boolean);
  if (devices.length === 0) {
    return [{ verdict: "note", text: "No video device found (/dev/video*)" }];
  }
  const denied = devices.filter((line) => line.startsWith("no ")).map((line) => line.slice(3));
  if (denied.length === 0) {
    return [{
      verdict: "ok",
      text: `This user has access to the video devices (${devices.length})`,
    }];
  }
  const groups = await stdoutOf("id", ["-nG"], signal);
  const advice = /\bvideo\b/.test(groups)
    ? "a container needs --device; otherwise `ls -l /dev/video*` shows who owns them"
    : "sudo usermod -aG video $USER, then log in again";
  return [{ verdict: "problem", text: `This user has no access to ${denied.join(", ")}`, advice }];
}

/** Returns the standard output of a program, or an empty string if it cannot be started. */
async function stdoutOf(program: string, args: string[], signal: AbortSignal): Promise<string> {
  try {
    return (await output(program, args, signal)).stdout.replaceAll("\x00", "").trim();
  } catch {
    return ""; // not installed
  }
}
