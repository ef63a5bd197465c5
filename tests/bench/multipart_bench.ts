import { type Bytes, HEADROOM, markHeadroom } from "../../lib/bytes.ts";
import type { Frame } from "../../lib/frame.ts";
import { MultipartFormat } from "../../lib/multipart/encode.ts";
import { cameraFrame, SIZES } from "./camera_frames.ts";

const jpeg = cameraFrame(SIZES["720p"]);
const capturedAt = Date.now();

/** A JPEG in a separate buffer with headroom, as from the splitter. */
const buffer = new Uint8Array(jpeg.length + 2 * HEADROOM);
buffer.set(jpeg, HEADROOM);
const spacious: Bytes = markHeadroom(buffer.subarray(HEADROOM, HEADROOM + jpeg.length));

const frame = (jpeg: Bytes): Frame => ({ jpeg, capturedAt, monotonic: 0, sequence: 1 });

Deno.bench("write a part around a frame with headroom, in its buffer", { group: "part" }, () => {
  new MultipartFormat("frame", false).part(frame(spacious));
});

Deno.bench("write a part with a copy of a frame without headroom", { group: "part" }, () => {
  new MultipartFormat("frame", false).part(frame(jpeg));
});

const format = new MultipartFormat("frame", false);
const shared = frame(spacious);

Deno.bench("get the same part for another viewer", { group: "part" }, () => {
  format.part(shared);
});
