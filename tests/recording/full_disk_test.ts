import { PYTHON } from "../parts.ts";
import { mounting } from "./disks.ts";
import { checkFullDisk } from "./disk_faults.ts";

Deno.test(
  "recording pauses while the disk is full, and viewers notice nothing",
  mounting(PYTHON),
  checkFullDisk,
);
