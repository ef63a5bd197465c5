import { LibcError, openLibc } from "../libc.ts";
import { findProgramPages } from "./program_pages.ts";

// Constants of Linux, the same on all architectures that Deno supports.
const O_CLOEXEC = 0o2000000;
const AT_PHDR = 3n;
const AT_ENTRY = 9n;
const MADV_DONTNEED = 4;

const FUNCTIONS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  getauxval: { parameters: ["usize"], result: "usize" },
  madvise: { parameters: ["usize", "usize", "i32"], result: "i32" },
  malloc_trim: { parameters: ["usize"], result: "i32", optional: true }, // glibc only
} as const;

type Functions = Deno.DynamicLibrary<typeof FUNCTIONS>["symbols"];

/**
 * Releases memory that this process does not need now: free pages of glibc's heap, and the pages of
 * the running program (`deno`, or the compiled binary) in this process. Takes 5 to 8 ms.
 *
 * The free heap pages are a gain for the machine. The program's pages are not: they stay in the
 * kernel's page cache, and the kernel could reclaim them before. But they count as resident memory
 * of this process, and most are used by the start only. Those still used come back by minor faults,
 * without reading the disk while they are cached.
 *
 * @returns Whether it was possible; false on systems other than Linux, and without the permission
 * to call the C library.
 */
export function releaseMemory(): boolean {
  if (Deno.build.os !== "linux") return false;
  try {
    const libc = openLibc(FUNCTIONS);
    try {
      libc.symbols.malloc_trim?.(0n);
      releaseProgramPages(libc.symbols);
      return true;
    } finally {
      libc.close();
    }
  } catch (error) {
    if (error instanceof LibcError) return false;
    throw error;
  }
}

function releaseProgramPages(libc: Functions): void {
  // The program headers are in the read-only segment, the entry point is in the executable one.
  const addresses = [AT_PHDR, AT_ENTRY].map((type) => libc.getauxval(type));
  for (const { start, length } of findProgramPages(readMappings(libc), addresses)) {
    libc.madvise(start, length, MADV_DONTNEED); // fails if they are locked in memory
  }
}

/**
 * Reads `/proc/self/smaps`, through the C library, as Deno allows that with `--allow-all` only.
 * Empty if the kernel does not have it or does not let this process read it.
 */
function readMappings({ open, read, close }: Functions): string {
  const descriptor = open(new TextEncoder().encode("/proc/self/smaps\0"), O_CLOEXEC);
  if (descriptor < 0) return "";
  try {
    const decoder = new TextDecoder();
    const chunk = new Uint8Array(64 * 1024);
    let text = "";
    for (let count; (count = Number(read(descriptor, chunk, BigInt(chunk.length)))) > 0;) {
      text += decoder.decode(chunk.subarray(0, count), { stream: true });
    }
    return text;
  } finally {
    close(descriptor);
  }
}
