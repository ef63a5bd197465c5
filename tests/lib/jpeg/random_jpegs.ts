import type { Bytes } from "../../../lib/bytes.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import type { Random } from "../../random.ts";
import { DHT, DQT, EOI, exif, join, segment, sof, SOI, sos } from "./sample_jpegs.ts";

/** An image, a broken image, or bytes that are no image. */
export function anyPiece(random: Random): Uint8Array {
  switch (random.integer(0, 7)) {
    case 0:
      return noise(random, random.integer(0, 40));
    case 1:
      return new Uint8Array(random.integer(0, 300));
    case 2: {
      const image = anyJpeg(random);
      return image.subarray(0, random.integer(0, image.length));
    }
    case 3: {
      const image = anyJpeg(random);
      return image.subarray(random.integer(0, image.length));
    }
    case 4: {
      const image = anyJpeg(random);
      for (let n = random.integer(1, 4); n > 0; n--) {
        image[random.integer(0, image.length - 1)] = random.of(TELLING);
      }
      return image;
    }
    default:
      return anyJpeg(random);
  }
}

/** Bytes that mean something in a JPEG. */
const TELLING = [0x00, 0x01, 0x02, 0x10, 0xc0, 0xc4, 0xd0, 0xd8, 0xd9, 0xda, 0xdb, 0xe1, 0xff];

/** Random bytes, every second one with a meaning in a JPEG. */
export function noise(random: Random, length: number): Bytes {
  return Uint8Array.from(
    { length },
    () => random.oneIn(2) ? random.of(TELLING) : random.integer(0, 255),
  );
}

/** An image with random segments and scans. */
export function anyJpeg(random: Random, thumbnail = false): Jpeg {
  const fill = () =>
    random.oneIn(8) ? new Uint8Array(random.integer(1, 3)).fill(0xff) : new Uint8Array(0);
  const parts = [SOI];
  if (random.oneIn(2)) parts.push(fill(), segment(0xe0, noise(random, random.integer(0, 30))));
  if (!thumbnail && random.oneIn(3)) parts.push(fill(), exif(anyJpeg(random, true)));
  if (random.oneIn(6)) parts.push(segment(0xfe, noise(random, random.integer(0, 200))));
  parts.push(fill(), DQT, fill(), sof({ marker: random.of([0xc0, 0xc1, 0xc2]) }));
  for (let scans = random.of([1, 1, 1, 2, 5]); scans > 0; scans--) {
    if (random.oneIn(2)) parts.push(fill(), DHT);
    parts.push(fill(), sos(), scanData(random, random.of([0, 20, 300, thumbnail ? 300 : 6_000])));
    if (random.oneIn(9)) parts.push(segment(0xdc, [1, 0xe0]));
  }
  parts.push(fill(), EOI);
  return join(...parts);
}

/** Data of a scan, with byte stuffing and restart markers. */
function scanData(random: Random, length: number): Bytes {
  const data: number[] = [];
  for (let n = 0; n < length; n++) {
    const byte = random.oneIn(20) ? random.of(TELLING) : random.integer(0, 255);
    data.push(byte);
    if (byte === 0xff) data.push(0x00);
    if (random.oneIn(200)) data.push(0xff, random.integer(0xd0, 0xd7));
  }
  return new Uint8Array(data);
}
