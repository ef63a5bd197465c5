import { assert, assertEquals } from "@std/assert";
import { encodeQr } from "../../static/qr.js";
import { needing } from "../parts.ts";

/** Modules of the light margin around a code. */
const MARGIN = 4;
/** Pixels per module. */
const SCALE = 3;

/** Returns a text of a length, from the characters of addresses. */
function textOf(length: number): string {
  return ("http://192.168.1.20:8000/" + "abcXYZ09-_.~/?=&%".repeat(20)).slice(0, length);
}

/** Draws a code as an image in the format PBM, in text. */
function toPbm(code: boolean[][]): string {
  const size = (code.length + 2 * MARGIN) * SCALE;
  const module = (pixel: number) => Math.floor(pixel / SCALE) - MARGIN;
  const rows = Array.from(
    { length: size },
    (_, y) =>
      Array.from({ length: size }, (_, x) => code[module(y)]?.[module(x)] ? 1 : 0).join(" "),
  );
  return `P1\n${size} ${size}\n${rows.join("\n")}\n`;
}

Deno.test(
  "encodeQr produces codes that zbarimg reads, in versions 1 to 10",
  needing("zbarimg"),
  async () => {
    const file = await Deno.makeTempFile({ suffix: ".pbm" });
    try {
      const sizes = new Set<number>();
      // The first and the last length of each version.
      for (const last of [14, 26, 42, 62, 84, 106, 122, 152, 180, 213]) {
        for (const length of [last, last + 1]) {
          if (length === 214) continue;
          const text = textOf(length);
          const code = encodeQr(text);
          assert(code, `no code for ${length} bytes`);
          sizes.add(code.length);
          await Deno.writeTextFile(file, toPbm(code));
          const { stdout } = await new Deno.Command("zbarimg", {
            args: ["--quiet", "--raw", "--nodbus", file],
            stderr: "null",
          }).output();
          assertEquals(new TextDecoder().decode(stdout).trimEnd(), text);
        }
      }
      assertEquals([...sizes], [21, 25, 29, 33, 37, 41, 45, 49, 53, 57]);
    } finally {
      await Deno.remove(file);
    }
  },
);

Deno.test("encodeQr returns nothing for a text that is longer than 213 bytes", () => {
  assertEquals(encodeQr(textOf(213))?.length, 57);
  assertEquals(encodeQr(textOf(214)), undefined);
  assertEquals(encodeQr("ä".repeat(107)), undefined);
});

Deno.test("encodeQr draws the finder patterns, and the same code for the same text", () => {
  const code = encodeQr("http://10.0.0.2:8000/")!;
  const finder = ["1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"];
  const corner = (x: number, y: number) =>
    code.slice(y, y + 7).map((row) => row.slice(x, x + 7).map(Number).join(""));
  const far = code.length - 7;
  for (const [x, y] of [[0, 0], [far, 0], [0, far]] as const) assertEquals(corner(x, y), finder);
  // A code that zbarimg has read.
  const bits = code.flat().map(Number).join("");
  assertEquals(code.length, 25);
  assertEquals(bits.match(/.{25}/g), EXPECTED);
});

/** The code of `http://10.0.0.2:8000/`: rows of modules, 1 for dark. */
const EXPECTED = [
  "1111111000001010001111111",
  "1000001000100001001000001",
  "1011101010101001001011101",
  "1011101010000100101011101",
  "1011101010101010001011101",
  "1000001011110001001000001",
  "1111111010101010101111111",
  "0000000011001000000000000",
  "1011111000110100101111100",
  "0000100001010010000000010",
  "1100101001011001010001011",
  "1110100111101000000000001",
  "1110111010011101101110111",
  "1111010000100100010001010",
  "1000101000111111001101011",
  "1011000110010010101001001",
  "1000011101110000111110100",
  "0000000011001101100011100",
  "1111111001100110101011111",
  "1000001011001101100011011",
  "1011101011101011111111111",
  "1011101011000001001110111",
  "1011101011111001000000101",
  "1000001001010010110111001",
  "1111111010110001000111111",
];
