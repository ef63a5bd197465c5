/** Paths of libturbojpeg on Linux, version 1.4 or later. */
const LINUX_LIBRARIES: readonly string[] = [
  "/usr/lib/x86_64-linux-gnu/libturbojpeg.so.0", // Debian, Ubuntu, Raspberry Pi OS
  "/usr/lib/aarch64-linux-gnu/libturbojpeg.so.0",
  "/usr/lib64/libturbojpeg.so.0", // Fedora, openSUSE
  "/usr/lib/libturbojpeg.so.0", // Arch, Alpine
];

/** Paths of libturbojpeg on macOS: Homebrew on Apple silicon and on Intel. */
const MACOS_LIBRARIES: readonly string[] = [
  "/opt/homebrew/lib/libturbojpeg.dylib",
  "/usr/local/lib/libturbojpeg.dylib",
];

/** Paths of libturbojpeg by operating system: it needs Deno's permission `ffi` for them. */
export const TURBOJPEG_LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  linux: LINUX_LIBRARIES,
  darwin: MACOS_LIBRARIES,
};

/** The sizes that pictures are made in, in eighths of their own: others take much more time. */
export const TURBOJPEG_EIGHTHS: readonly number[] = [1, 2, 3, 4, 6];

/**
 * The functions of libturbojpeg that are used (its API 2, which version 3 has as well). Those that
 * take milliseconds do not block. Addresses are numbers: Deno's pointers need its permission `ffi` for
 * all libraries.
 */
const FUNCTIONS = {
  tjInitDecompress: { parameters: [], result: "usize" },
  tjInitCompress: { parameters: [], result: "usize" },
  tjDestroy: { parameters: ["usize"], result: "i32" },
  tjGetErrorCode: { parameters: ["usize"], result: "i32" },
  /** Of the C library, which libturbojpeg loads. It returns the address of its first argument. */
  memcpy: { parameters: ["buffer", "buffer", "usize"], result: "usize" },
  tjBufSize: { parameters: ["i32", "i32", "i32"], result: "usize" },
  tjBufSizeYUV2: { parameters: ["i32", "i32", "i32", "i32"], result: "usize" },
  tjDecompressHeader3: {
    parameters: ["usize", "buffer", "usize", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  tjDecompressToYUV2: {
    parameters: ["usize", "buffer", "usize", "buffer", "i32", "i32", "i32", "i32"],
    result: "i32",
    nonblocking: true,
  },
  tjCompressFromYUV: {
    parameters: [
      ...["usize", "buffer", "i32", "i32", "i32", "i32"] as const,
      ...["buffer", "buffer", "i32", "i32"] as const,
    ],
    result: "i32",
    nonblocking: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** The functions of libturbojpeg. */
export type TurboJpegFunctions = Deno.DynamicLibrary<typeof FUNCTIONS>["symbols"];

let opened: TurboJpegFunctions | null | undefined;

/**
 * Opens libturbojpeg, once. Never prompts for a permission.
 *
 * @returns undefined if it is not installed, or Deno does not permit it.
 */
export function openTurboJpeg(): TurboJpegFunctions | undefined {
  if (opened === undefined) opened = open() ?? null;
  return opened ?? undefined;
}

function open(): TurboJpegFunctions | undefined {
  for (const path of TURBOJPEG_LIBRARIES[Deno.build.os] ?? []) {
    if (Deno.permissions.querySync({ name: "ffi", path }).state !== "granted") continue;
    try {
      return Deno.dlopen(path, FUNCTIONS).symbols;
    } catch {
      continue; // not installed there, or too old
    }
  }
}
