import type { Jpeg } from "../lib/frame.ts";
import { exifWith, withSegment } from "./lib/jpeg/exif.ts";
import { join, segment } from "./lib/jpeg/sample_jpegs.ts";
import { encode, run } from "./lib/pixels/libjpeg.ts";

/** A picture that a camera sends. */
export interface KnownPicture {
  readonly jpeg: Jpeg;
  /** The same picture as people see it, without EXIF data. */
  readonly seen: Jpeg;
}

/** Makes a picture. @param more Options of `cjpeg`. */
type Make = (...more: string[]) => Promise<KnownPicture>;

const TEXT = new TextEncoder();

/** Kinds of pictures that can be edited, by the name of the camera that sends them. */
const KINDS: Readonly<Record<string, Make>> = {
  "420": encoded("-sample", "2x2"),
  "422": encoded("-sample", "2x1"),
  "444": encoded("-sample", "1x1"),
  "grey": encoded("-grayscale"),
  "restart": encoded("-sample", "2x2", "-restart", "1"),
  "optimised": encoded("-sample", "2x1", "-optimize"),
  "odd": async (...more) => {
    const jpeg = await encode({ width: 317, height: 235, args: ["-sample", "2x2", ...more] });
    return { jpeg, seen: jpeg };
  },
  "thumbnail": async (...more) => {
    const { jpeg: seen } = await encoded("-sample", "2x2")(...more);
    return { jpeg: withThumbnails(seen, await thumbnailPicture()), seen };
  },
  "turned": async (...more) => {
    const { jpeg: stored } = await encoded("-sample", "2x1")(...more);
    const seen = await run("jpegtran", ["-trim", "-rotate", "90"], stored);
    const exif = exifWith({ thumbnail: await thumbnailPicture() });
    return { jpeg: withSegment(stored, exif), seen };
  },
};

/** Names of the kinds. */
export const KIND_NAMES: readonly string[] = Object.keys(KINDS);

/** Makes two pictures of each kind, of the same size, in different quality. */
export async function knownPictures(): Promise<Map<string, KnownPicture[]>> {
  const entries = await Promise.all(
    Object.entries(KINDS).map(async ([name, make]) =>
      [name, await Promise.all([make(), make("-quality", "50")])] as const
    ),
  );
  return new Map(entries);
}

/** Makes a picture that cannot be edited. */
export async function progressivePicture(): Promise<Jpeg> {
  return await encode({ width: 320, height: 240, args: ["-progressive"] });
}

function encoded(...args: string[]): Make {
  return async (...more) => {
    const jpeg = await encode({ width: 320, height: 240, args: [...args, ...more] });
    return { jpeg, seen: jpeg };
  };
}

function thumbnailPicture(): Promise<Jpeg> {
  return encode({ width: 80, height: 48 });
}

/** Adds all segments in which cameras and programs put another version of the picture. */
function withThumbnails(jpeg: Jpeg, thumbnail: Jpeg): Jpeg {
  const named = (marker: number, name: string) =>
    segment(marker, join(TEXT.encode(name), thumbnail));
  const added = [
    withoutOrientation(exifWith({ thumbnail })),
    named(0xe0, "JFXX\0\x10"),
    named(0xe2, "MPF\0"),
    named(0xe2, "FPXR\0"),
    named(0xed, "Photoshop 3.0\0"),
    named(0xfe, ""),
  ];
  return withSegment(jpeg, join(...added));
}

/** Makes the orientation of an EXIF segment of `exifWith` upright. */
function withoutOrientation(exif: Jpeg): Jpeg {
  const copy = exif.slice();
  copy[28] = 1; // the value of the first tag: marker, length, name, TIFF header, count, tag
  return copy;
}
