import { type Bytes, HEADROOM, markHeadroom } from "../../lib/bytes.ts";
import type { Frame } from "../../lib/frame.ts";
import { MultipartFormat } from "../../lib/multipart/encode.ts";
import { cameraFrame, SIZES } from "./camera_frames.ts";

const jpeg = cameraFrame(SIZES["720p"]);
const capturedAt = Date.now();

/** A frame that has its buffer to itself, as from the splitter. */
const buffer = new Uint8Array(jpeg.length + 2 * HEADROOM);
buffer.set(jpeg, HEADROOM);
const roomy: Bytes = markHeadroom(buffer.subarray(HEADROOM, HEADROOM + jpeg.length));

const frame = (jpeg: Bytes): Frame => ({ jpeg, capturedAt, monotonic: 0, sequence: 1 });

Deno.bench("write a part around a frame, in its own buffer", { group: "part" }, () => {
  new MultipartFormat("frame", false).part(frame(roomy));
});

Deno.bench("write a part around a frame that has no room", { group: "part" }, () => {
  new MultipartFormat("frame", false).part(frame(jpeg));
});

const format = new MultipartFormat("frame", false);
const shared = frame(roomy);

Deno.bench("give the same part to another viewer", { group: "part" }, () => {
  format.part(shared);
});
