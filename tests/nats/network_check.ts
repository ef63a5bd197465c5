/** Checks that a network leaves nothing behind. */
import { assert } from "@std/assert";
import { eventually } from "../server.ts";

const CHILD = new URL("network_child.ts", import.meta.url).pathname;

/** Checks that the network of a process that a signal ends is removed, with its processes. */
export async function checkRemoval(signal: Deno.Signal): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--allow-all", CHILD],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await reader.read();
  const { namespaces, pid } = JSON.parse(value!) as { namespaces: string[]; pid: number };
  assert(namespaces.every(isNamespace));
  assert(isRunning(pid));
  child.kill(signal);
  await child.status;
  await reader.cancel();
  await eventually("the process has ended", () => !isRunning(pid));
  await eventually("the namespaces are removed", () => !namespaces.some(isNamespace));
}

function isNamespace(name: string): boolean {
  return exists(`/run/netns/${name}`);
}

function isRunning(pid: number): boolean {
  return exists(`/proc/${pid}/cmdline`) && Deno.readTextFileSync(`/proc/${pid}/cmdline`) !== "";
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
