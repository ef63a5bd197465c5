import { assert, assertEquals, assertFalse } from "@std/assert";
import { withDuration, writeDuration } from "../../../lib/recording/mp4_duration.ts";
import type { Bytes } from "../../../lib/bytes.ts";
import { join, text, uint } from "../../../lib/matroska/ebml.ts";

function box(type: string, ...content: Bytes[]): Bytes {
  const size = 8 + content.reduce((sum, { length }) => sum + length, 0);
  return join(uint(size, 4), text(type), ...content);
}

/** The start of an MP4, with these durations in its boxes. */
function mp4(version: 0 | 1, [movie, track, media]: readonly [number, number, number]): Bytes {
  const width = version === 1 ? 8 : 4;
  const times = [uint(version * 2 ** 24, 4), uint(1, width), uint(2, width)];
  const moov = box(
    "moov",
    box("mvhd", ...times, uint(1000, 4), uint(movie, width), uint(9, 4)),
    box(
      "trak",
      box("tkhd", ...times, uint(1, 4), uint(0, 4), uint(track, width), uint(9, 4)),
      box("mdia", box("mdhd", ...times, uint(16_000, 4), uint(media, width), uint(9, 4))),
    ),
    box("mvex", uint(0, 4)),
  );
  return join(box("ftyp", text("iso5")), moov);
}

Deno.test("writeDuration writes the duration in the units of each box, in both versions", () => {
  for (const version of [0, 1] as const) {
    const bytes = mp4(version, [0, 0, 0]);
    assert(writeDuration(bytes, 12_345));
    assertEquals(bytes, mp4(version, [12_345, 12_345, 197_520]));
  }
});

Deno.test("writeDuration writes nothing before the boxes are complete", () => {
  const bytes = mp4(0, [0, 0, 0]);
  for (let length = 0; length < bytes.length; length++) {
    const part = bytes.slice(0, length);
    assertFalse(writeDuration(part, 1));
    assertEquals(part, bytes.subarray(0, length));
  }
});

Deno.test("withDuration passes all bytes, however they are cut", async () => {
  const expected = join(mp4(0, [500, 500, 8_000]), box("moof", uint(7, 4)));
  const bytes = join(mp4(0, [0, 0, 0]), box("moof", uint(7, 4)));
  for (const size of [1, 7, 50, 1000]) {
    const chunks = async function* () {
      for (let at = 0; at < bytes.length; at += size) yield await bytes.slice(at, at + size);
    };
    assertEquals(join(...await Array.fromAsync(withDuration(chunks(), 500))), expected);
  }
});

Deno.test("withDuration passes what is no MP4, and what ends early", async () => {
  for (
    const bytes of [
      new Uint8Array(100_000).fill(1),
      text("too short"),
      mp4(0, [0, 0, 0]).slice(0, 90),
    ]
  ) {
    const chunks = async function* () {
      yield await bytes.slice();
    };
    assertEquals(join(...await Array.fromAsync(withDuration(chunks(), 500))), bytes);
  }
});
