import { assert, assertEquals } from "@std/assert";
import type { Jpeg } from "../../../lib/frame.ts";
import { STANDARD_TABLES_BY_ID } from "../../../lib/jpeg/tables.ts";
import { HeaderReader } from "../../../lib/pixels/header_reader.ts";
import { Retabler } from "../../../lib/pixels/retabler.ts";
import { needing } from "../../parts.ts";
import { join } from "../jpeg/sample_jpegs.ts";
import { decode, encode, LIBJPEG } from "./libjpeg.ts";

const VARIANTS = [
  ["-sample", "2x2"],
  ["-sample", "1x1", "-quality", "100"],
  ["-sample", "2x1", "-quality", "5"],
  ["-restart", "3B"],
  ["-grayscale", "-restart", "1"],
];

Deno.test({
  name: "Retabler replaces the tables of pictures, and changes no coefficient",
  ...needing(...LIBJPEG),
  async fn() {
    const retabler = new Retabler();
    for (const args of VARIANTS) {
      for (const [width, height] of [[640, 480], [33, 20]] as const) {
        const jpeg = await encode({ width, height, args: [...args, "-optimize"] });
        const retabled = retable(retabler, jpeg);
        assert(retabled, `${args}`);
        assertEquals(await decode(retabled.jpeg), await decode(jpeg), `${args}`);
        const read = headerOf(retabled.jpeg);
        assertEquals(read.data, retabled.data);
        for (const [id, { values }] of read.header.baseline.huffman) {
          assertEquals(values, STANDARD_TABLES_BY_ID.get(id)!.values);
        }
        // The same picture with these tables from the beginning, but for the order of the header.
        const plain = await encode({ width, height, args });
        const scan = (jpeg: Jpeg) => jpeg.subarray(headerOf(jpeg).data);
        assertEquals(scan(retabled.jpeg), scan(plain), `${args}`);
      }
    }
  },
});

Deno.test({
  name: "Retabler refuses pictures that are cut",
  ...needing(...LIBJPEG),
  async fn() {
    const retabler = new Retabler();
    for (const args of VARIANTS) {
      const jpeg = await encode({ width: 64, height: 48, args: [...args, "-optimize"] });
      const { data } = headerOf(jpeg);
      for (let end = data; end < jpeg.length - 3; end++) {
        assertEquals(retable(retabler, jpeg.slice(0, end)), undefined, `${args}: ${end}`);
      }
    }
  },
});

Deno.test({
  name: "Retabler removes a few bytes behind the last MCU, and refuses pictures with many",
  ...needing(...LIBJPEG),
  async fn() {
    const retabler = new Retabler();
    const jpeg = await encode({ width: 64, height: 48, args: ["-optimize"] });
    const withMore = (count: number) =>
      join(jpeg.subarray(0, -2), new Uint8Array(count).fill(0x55), jpeg.subarray(-2));
    assertEquals(retable(retabler, withMore(8)), retable(retabler, jpeg));
    assertEquals(retable(retabler, withMore(80)), undefined);
  },
});

function headerOf(jpeg: Jpeg) {
  const read = new HeaderReader().read(jpeg);
  assert(!("refused" in read));
  return read;
}

function retable(retabler: Retabler, jpeg: Jpeg) {
  const retabled = retabler.retable(jpeg, headerOf(jpeg));
  return "refused" in retabled ? undefined : retabled;
}
