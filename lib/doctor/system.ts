import { output } from "../process/mod.ts";
import type { Finding } from "./mod.ts";

/** Permissions of Deno's without which something does not work. */
const PERMISSIONS = [
  { name: "net", without: "nobody can watch" },
  { name: "run", without: "no capture program can be started" },
  { name: "read", without: "neither pages nor drivers can be read" },
] as const;

/** Looks at the system: what it is, and whether we may do here what we have to. */
export async function* checkSystem(
  used: ReadonlySet<string>,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  const { os, arch } = Deno.build;
  yield { verdict: "ok", text: `Deno ${Deno.version.deno} on ${os}, ${arch}` };
  for (const { name, without } of PERMISSIONS) {
    // "prompt" here means for some things only: which ones, the settings have to fit to.
    const { state } = await Deno.permissions.query({ name });
    if (state === "denied") {
      yield { verdict: "problem", text: `Without Deno's --allow-${name} ${without}` };
    }
  }
  if (os !== "linux") return;
  yield* checkModel(used, await stdoutOf("cat", ["/proc/device-tree/model"], signal));
  yield* await checkDeviceAccess(signal);
}

function* checkModel(used: ReadonlySet<string>, model: string): Generator<Finding> {
  if (/Raspberry Pi/.test(model)) yield { verdict: "ok", text: model };
  else if (used.has("pi")) {
    const advice = "for a webcam CAMERA=usb";
    yield { verdict: "note", text: "This machine is no Raspberry Pi", advice };
  }
}

/** What is a device, and what not ours to open, one a line. */
const LIST_DEVICES = `
for device in /dev/video*; do
  [ -c "$device" ] || continue
  [ -r "$device" ] && [ -w "$device" ] && echo "yes $device" || echo "no $device"
done`;

async function checkDeviceAccess(signal: AbortSignal): Promise<Finding[]> {
  const devices = (await stdoutOf("sh", ["-c", LIST_DEVICES], signal)).split("\n").filter(Boolean);
  if (devices.length === 0) {
    return [{ verdict: "note", text: "There is no video device: no /dev/video*" }];
  }
  const closed = devices.filter((line) => line.startsWith("no ")).map((line) => line.slice(3));
  if (closed.length === 0) {
    return [{ verdict: "ok", text: `This user may use the video devices (${devices.length})` }];
  }
  const groups = await stdoutOf("id", ["-nG"], signal);
  const advice = /\bvideo\b/.test(groups)
    ? "in a container they need --device; else `ls -l /dev/video*` shows whose they are"
    : "sudo usermod -aG video $USER, then log in again";
  return [{ verdict: "problem", text: `This user may not use ${closed.join(", ")}`, advice }];
}

/** What a program prints; nothing if it cannot be started. */
export async function stdoutOf(
  program: string,
  args: string[],
  signal: AbortSignal,
): Promise<string> {
  try {
    return (await output(program, args, signal)).stdout.replaceAll("\x00", "").trim();
  } catch {
    return ""; // it is not there
  }
}
