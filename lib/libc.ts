/** Paths of the C library on Linux. */
export const LINUX_LIBRARIES: readonly string[] = [
  "/lib/x86_64-linux-gnu/libc.so.6", // Debian, Ubuntu, Raspberry Pi OS
  "/lib/aarch64-linux-gnu/libc.so.6",
  "/lib64/libc.so.6", // Fedora, openSUSE, Arch
  "/usr/lib/libc.so.6", // Arch on ARM
  "/lib/ld-musl-x86_64.so.1", // Alpine
  "/lib/ld-musl-aarch64.so.1",
];

/** Paths of the C library on macOS. */
export const MACOS_LIBRARIES: readonly string[] = ["/usr/lib/libSystem.B.dylib"];

/** The C library cannot be opened, or a call has failed; the message says why. */
export class LibcError extends Error {
  override name = "LibcError";
}

/**
 * Opens the C library of this system for the given functions. Never prompts for a permission.
 *
 * @throws {LibcError} If the system is not supported, the permission is missing, or the library is
 * not found.
 */
export function openLibc<Functions extends Deno.ForeignLibraryInterface>(
  functions: Functions,
): Deno.DynamicLibrary<Functions> {
  for (const path of permittedPaths()) {
    try {
      return Deno.dlopen(path, functions);
    } catch {
      continue; // the path of another distribution
    }
  }
  throw new LibcError("Cannot open the C library: not found at any known path");
}

function permittedPaths(): string[] {
  const { os } = Deno.build;
  const paths = { linux: LINUX_LIBRARIES, darwin: MACOS_LIBRARIES }[os as string];
  if (!paths) throw new LibcError(`Cannot open the C library: not supported on ${os}`);
  // querySync never prompts.
  const isPermitted = (path: string) =>
    Deno.permissions.querySync({ name: "ffi", path }).state === "granted";
  const permitted = paths.filter(isPermitted);
  if (permitted.length > 0) return permitted;
  throw new LibcError(
    "Cannot open the C library: Deno does not permit it; use `deno task start`, or --allow-ffi",
  );
}
