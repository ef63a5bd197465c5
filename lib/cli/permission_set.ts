import { fromFileUrl, resolve } from "../path.ts";
import project from "../../deno.json" with { type: "json" };
import type { Permissions } from "../permissions/flags.ts";

/** The root folder of the project. */
export const ROOT = fromFileUrl(new URL("../..", import.meta.url));

const { read, sys, ffi } = project.permissions.default;

/** The permissions in `deno.json`, which `deno run -P` grants. */
export const PERMISSION_SET: Permissions = {
  read,
  write: [],
  listen: undefined,
  connect: true,
  run: true,
  sys,
  ffi,
};

/** Permissions that the set includes. Its paths are relative to the root folder. */
const INCLUDED: readonly Deno.PermissionDescriptor[] = [
  { name: "env" },
  { name: "net" },
  { name: "run" },
  // The file `.env` is left out: the permission may have been given up.
  ...read.filter((path) => path !== ".env")
    .map((path) => ({ name: "read", path: resolve(ROOT, path) }) as const),
  ...sys.map((kind) => ({ name: "sys", kind }) as Deno.SysPermissionDescriptor),
  ...ffi.map((path) => ({ name: "ffi", path: resolve(ROOT, path) }) as const),
];

/** Permissions that only other flags grant, such as `--allow-all`. */
const EXCLUDED: readonly Deno.PermissionDescriptor[] = [
  { name: "read" },
  { name: "write" },
  { name: "sys" },
  { name: "ffi" },
];

/** Whether this process runs with the permissions in `deno.json`, not with flags of the user. */
export function hasPermissionSet(): boolean {
  // querySync never prompts.
  const isGranted = (one: Deno.PermissionDescriptor) =>
    Deno.permissions.querySync(one).state === "granted";
  return INCLUDED.every(isGranted) && !EXCLUDED.some(isGranted);
}
