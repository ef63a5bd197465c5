import * as posix from "@std/path/posix";
import * as windows from "@std/path/windows";

/**
 * The functions of `@std/path` for this system. `@std/path` itself asks Node's `process` which
 * system this is, and loading that takes 13 ms at every start.
 */
export const { dirname, fromFileUrl, join, resolve, toFileUrl } = Deno.build.os === "windows"
  ? windows
  : posix;
