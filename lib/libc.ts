/** Where Linux' C library may be. */
export const LINUX_LIBRARIES: readonly string[] = [
  "/lib/x86_64-linux-gnu/libc.so.6", // Debian, Ubuntu, Raspberry Pi OS
  "/lib/aarch64-linux-gnu/libc.so.6",
  "/lib64/libc.so.6", // Fedora, openSUSE, Arch
  "/usr/lib/libc.so.6", // Arch on ARM
  "/lib/ld-musl-x86_64.so.1", // Alpine
  "/lib/ld-musl-aarch64.so.1",
];

/** Where that of macOS is. */
export const MACOS_LIBRARIES: readonly string[] = ["/usr/lib/libSystem.B.dylib"];

/**
 * Opens a library for some of its functions.
 *
 * @param paths Where it may be.
 * @returns The library, or why it cannot be opened.
 */
export function openLibrary<Functions extends Deno.ForeignLibraryInterface>(
  paths: readonly string[],
  functions: Functions,
): Deno.DynamicLibrary<Functions> | string {
  const permitted = paths.filter((path) =>
    Deno.permissions.querySync({ name: "ffi", path }).state === "granted" // asks nobody for it
  );
  if (permitted.length === 0) {
    return "Deno may not call the C library: see --allow-ffi in deno.json";
  }
  for (const path of permitted) {
    try {
      return Deno.dlopen(path, functions);
    } catch {
      continue; // the place for it on another system
    }
  }
  return "the C library is at none of the places where it is looked for";
}
