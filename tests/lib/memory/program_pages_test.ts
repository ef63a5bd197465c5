import { assertEquals } from "@std/assert";
import { findProgramPages } from "../../../lib/memory/program_pages.ts";

/** A mapping as in `/proc/self/smaps`, of which the lines in the middle are left out. */
function mapping(
  header: string,
  { anonymous = "       0 kB", swap = "       0 kB" } = {},
): string {
  return `${header}
Size:              64 kB
Rss:               64 kB
Private_Dirty:      8 kB
Anonymous:      ${anonymous}
AnonHugePages:         0 kB
Swap:           ${swap}
SwapPss:               0 kB
THPeligible:           0
VmFlags: rd mr mw me 
`;
}

const RODATA =
  "55d000000000-55d000010000 r--p 00000000 fe:00 1234                       /usr/bin/deno";
const TEXT =
  "55d000011000-55d000031000 r-xp 00010000 fe:00 1234                       /usr/bin/deno";
const DATA =
  "55d000031000-55d000041000 rw-p 00030000 fe:00 1234                       /usr/bin/deno";
const HEAP = "55d000041000-55d000051000 rw-p 00000000 00:00 0                          [heap]";
const LIBC = "7f0000000000-7f0000010000 r-xp 00000000 fe:00 99            /usr/lib/libc.so.6";

const IN_RODATA = 0x55d000000040n;
const IN_TEXT = 0x55d000020000n;

Deno.test("findProgramPages finds the mappings with the addresses", () => {
  const smaps = [RODATA, TEXT, DATA, HEAP, LIBC].map((header) => mapping(header)).join("");
  assertEquals(findProgramPages(smaps, [IN_RODATA, IN_TEXT]), [
    { start: 0x55d000000000n, length: 0x10000n },
    { start: 0x55d000011000n, length: 0x20000n },
  ]);
  assertEquals(findProgramPages(smaps, [IN_TEXT, IN_TEXT + 1n]).length, 1);
  assertEquals(findProgramPages(smaps, [0x55d000011000n - 1n]), []); // between the two
  assertEquals(findProgramPages(smaps, [0n]), []); // getauxval knows no address
  assertEquals(findProgramPages("", [IN_TEXT]), []);
});

Deno.test("findProgramPages leaves out mappings with pages that are not in their file", () => {
  const find = (smaps: string) => findProgramPages(smaps, [IN_TEXT, IN_TEXT]);
  assertEquals(find(mapping(TEXT)).length, 1);
  assertEquals(find(mapping(TEXT, { anonymous: "       4 kB" })), []);
  assertEquals(find(mapping(TEXT, { anonymous: "      40 kB" })), []);
  assertEquals(find(mapping(TEXT, { swap: "       4 kB" })), []);
  assertEquals(find(mapping(TEXT.replace("r-xp", "rwxp"))), []);
  assertEquals(find(mapping(TEXT.replace("r-xp", "rw-p"))), []);
  assertEquals(find(mapping(TEXT.replace("r-xp", "r-xs"))), []);
  assertEquals(find(mapping(TEXT.replace("1234", "0"))), []);
  assertEquals(find(mapping(TEXT).replace(/^Anonymous.*\n/m, "")), []);
  assertEquals(find(mapping(TEXT).replace(/^Swap:.*\n/m, "")), []);
});
