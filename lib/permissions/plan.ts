import type { Permissions } from "./flags.ts";

/** How a process with the permissions of a set gets exactly those that it needs. */
export type PermissionPlan =
  /** The set lacks a permission, or only a part of a kind is needed: start anew, with flags. */
  | "replace"
  /** Give up permissions: Deno can revoke a whole kind, or a value that the set lists. */
  | {
    readonly now: readonly Deno.PermissionDescriptor[];
    /** Permissions that are needed only until the server listens. */
    readonly listening: readonly Deno.PermissionDescriptor[];
  };

/**
 * Decides how a process that has the permissions `set` gets those that it needs.
 *
 * @param set Its `connect` and `run` are `true`.
 */
export function planPermissions(needed: Permissions, set: Permissions): PermissionPlan {
  const { read, write, connect, run, sys, ffi } = needed;
  const isPartial = (values: readonly string[] | true) => values !== true && values.length > 0;
  const lacks = read.some((path) => !set.read.includes(path)) || write.length > 0 ||
    sys.some((kind) => !set.sys.includes(kind)) || ffi.some((path) => !set.ffi.includes(path));
  if (lacks || isPartial(connect) || isPartial(run)) return "replace";
  return {
    now: [
      ...run === true ? [] : [{ name: "run" } as const],
      ...set.sys.filter((kind) => !sys.includes(kind))
        .map((kind) => ({ name: "sys", kind }) as Deno.SysPermissionDescriptor),
      ...set.ffi.filter((path) => !ffi.includes(path))
        .map((path) => ({ name: "ffi", path }) as const),
    ],
    listening: connect === true ? [] : [{ name: "net" }],
  };
}
