// @ts-check

/**
 * A QR code encoder (ISO/IEC 18004): bytes, versions 1 to 10, error correction level M, which
 * restores 15 % of the codewords.
 */

/**
 * Per version from 1: the number of data codewords, of error correction codewords of a block, and of
 * blocks.
 */
const VERSIONS = [
  ...[[16, 10, 1], [28, 16, 1], [44, 26, 1], [64, 18, 2], [86, 24, 2]],
  ...[[108, 16, 4], [124, 18, 4], [154, 22, 4], [182, 22, 5], [216, 26, 5]],
];

/** @type {((x: number, y: number) => boolean)[]} Whether a mask inverts a module. */
const MASKS = [
  (x, y) => (x + y) % 2 === 0,
  (_, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => x * y % 2 + x * y % 3 === 0,
  (x, y) => (x * y % 2 + x * y % 3) % 2 === 0,
  (x, y) => ((x + y) % 2 + x * y % 3) % 2 === 0,
];

/**
 * Encodes a text.
 *
 * @param {string} text
 * @returns {boolean[][] | undefined} Rows of modules, true for dark, without the light margin of
 *   four modules; undefined if the text is longer than 213 bytes in UTF-8.
 */
export function encodeQr(text) {
  const bytes = new TextEncoder().encode(text);
  for (let version = 1; version <= VERSIONS.length; version++) {
    const words = dataWords(bytes, version);
    if (!words) continue;
    const bits = withCorrection(words, version);
    const codes = MASKS.map((_, mask) => draw(bits, version, mask));
    const penalties = codes.map(penaltyOf);
    return codes[penalties.indexOf(Math.min(...penalties))];
  }
}

/** Width of a code, in modules. @param {number} version */
function sizeOf(version) {
  return 17 + 4 * version;
}

/** @param {number} version @returns {[data: number, correction: number, blocks: number]} */
function sizesOf(version) {
  return /** @type {[number, number, number]} */ (VERSIONS[version - 1]);
}

/** Returns the data codewords, if they fit. @param {Uint8Array} bytes @param {number} version */
function dataWords(bytes, version) {
  const [capacity] = sizesOf(version);
  const countBits = version < 10 ? 8 : 16;
  if (4 + countBits + 8 * bytes.length > 8 * capacity) return;
  const count = bytes.length.toString(2).padStart(countBits, "0");
  const content = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  const bits = `0100${count}${content}0000`; // the mode, and a terminator
  const words = (bits.match(/.{8}/g) ?? []).map((word) => parseInt(word, 2));
  for (let padding = 0xec; words.length < capacity; padding ^= 0xec ^ 0x11) words.push(padding);
  return words.slice(0, capacity);
}

/** Splits the words into blocks, adds error correction, and returns the bits. @param {number[]} words @param {number} version */
function withCorrection(words, version) {
  const [, correction, count] = sizesOf(version);
  const short = Math.floor(words.length / count);
  const longer = words.length % count; // the last blocks have one more word
  const blocks = Array.from({ length: count }, (_, i) => {
    const start = i * short + Math.max(0, i - (count - longer));
    return words.slice(start, start + short + (i >= count - longer ? 1 : 0));
  });
  const checks = blocks.map((block) => remainderOf(block, correction));
  const interleave = (/** @type {number[][]} */ lists) =>
    Array.from(
      { length: Math.max(...lists.map((list) => list.length)) },
      (_, i) => lists.flatMap((list) => list.slice(i, i + 1)),
    ).flat();
  return [...interleave(blocks), ...interleave(checks)].flatMap((word) =>
    Array.from({ length: 8 }, (_, i) => word >> (7 - i) & 1)
  );
}

/** Returns the Reed-Solomon codewords of a block. @param {number[]} block @param {number} count */
function remainderOf(block, count) {
  /** The generator polynomial without its leading coefficient. @type {number[]} */
  const generator = Array.from({ length: count }, (_, i) => i === count - 1 ? 1 : 0);
  for (let i = 0, root = 1; i < count; i++, root = multiply(root, 2)) {
    for (let j = 0; j < count; j++) {
      generator[j] = multiply(generator[j] ?? 0, root) ^ (generator[j + 1] ?? 0);
    }
  }
  const remainder = Array(count).fill(0);
  for (const word of block) {
    const factor = word ^ remainder.shift();
    remainder.push(0);
    generator.forEach((coefficient, i) => remainder[i] ^= multiply(coefficient, factor));
  }
  return remainder;
}

/** Multiplies in the field GF(2⁸) with the polynomial 0x11d. @param {number} a @param {number} b */
function multiply(a, b) {
  let product = 0;
  for (let bit = 7; bit >= 0; bit--) {
    product = product << 1 ^ (product >> 7) * 0x11d;
    product ^= (b >> bit & 1) * a;
  }
  return product;
}

/** @param {number[]} bits @param {number} version @param {number} mask */
function draw(bits, version, mask) {
  const size = sizeOf(version);
  /** @type {(boolean | undefined)[][]} */
  const code = Array.from({ length: size }, () => Array(size).fill(undefined));
  /** @type {SetModule} */
  const set = (x, y, dark) => {
    const row = code[y];
    if (row && x >= 0 && x < size) row[x] = dark;
  };
  // Timing patterns.
  for (let i = 0; i < size; i++) {
    set(6, i, i % 2 === 0);
    set(i, 6, i % 2 === 0);
  }
  // Finder patterns with their separators.
  for (const [x, y] of /** @type {const} */ ([[3, 3], [size - 4, 3], [3, size - 4]])) {
    square(4, (dx, dy, ring) => set(x + dx, y + dy, ring !== 2 && ring !== 4));
  }
  // Alignment patterns.
  const edge = size - 7;
  const centres = version === 1 ? [] : version < 7 ? [6, edge] : [6, 2 * version + 8, edge];
  const last = centres.length - 1;
  for (const [i, x] of centres.entries()) {
    for (const [j, y] of centres.entries()) {
      const isFinder = (i === 0 && (j === 0 || j === last)) || (i === last && j === 0);
      if (!isFinder) square(2, (dx, dy, ring) => set(x + dx, y + dy, ring !== 1));
    }
  }
  drawFormat(set, size, mask);
  if (version >= 7) drawVersion(set, size, version);
  drawData(code, bits, mask);
  return /** @type {boolean[][]} */ (code);
}

/** Visits a square. @param {number} radius @param {(dx: number, dy: number, ring: number) => void} visit */
function square(radius, visit) {
  for (let dy = -radius; dy <= radius; dy++) {
    for (let dx = -radius; dx <= radius; dx++) visit(dx, dy, Math.max(Math.abs(dx), Math.abs(dy)));
  }
}

/** @typedef {(x: number, y: number, dark: boolean) => void} SetModule */

/** Draws level M and the mask, twice. @param {SetModule} set @param {number} size @param {number} mask */
function drawFormat(set, size, mask) {
  const format = (mask << 10 | bchRemainder(mask, 10, 0x537)) ^ 0x5412; // level M is 00
  for (let i = 0; i < 15; i++) {
    const dark = (format >> i & 1) === 1;
    set(8, i < 6 ? i : i < 8 ? i + 1 : size - 15 + i, dark);
    set(i < 8 ? size - 1 - i : i < 9 ? 7 : 14 - i, 8, dark);
  }
  set(8, size - 8, true);
}

/** Draws the version, twice. @param {SetModule} set @param {number} size @param {number} version */
function drawVersion(set, size, version) {
  const bits = version << 12 | bchRemainder(version, 12, 0x1f25);
  for (let i = 0; i < 18; i++) {
    const dark = (bits >> i & 1) === 1;
    const [a, b] = [size - 11 + i % 3, Math.floor(i / 3)];
    set(a, b, dark);
    set(b, a, dark);
  }
}

/** Returns the check bits of a BCH code. @param {number} value @param {number} length @param {number} polynomial */
function bchRemainder(value, length, polynomial) {
  let remainder = value;
  for (let i = 0; i < length; i++) {
    remainder = remainder << 1 ^ (remainder >> (length - 1)) * polynomial;
  }
  return remainder;
}

/**
 * Places the bits in columns of two from right to left, alternately upwards and downwards.
 *
 * @param {(boolean | undefined)[][]} code
 * @param {number[]} bits
 * @param {number} mask
 */
function drawData(code, bits, mask) {
  const size = code.length;
  const isInverted = MASKS[mask] ?? (() => false);
  let next = 0;
  for (let right = size - 1, upwards = true; right >= 1; right -= 2, upwards = !upwards) {
    if (right === 6) right = 5; // the column of the timing pattern
    for (let i = 0; i < size; i++) {
      const y = upwards ? size - 1 - i : i;
      const row = code[y] ?? [];
      for (const x of [right, right - 1]) {
        if (row[x] === undefined) row[x] = (bits[next++] === 1) !== isInverted(x, y);
      }
    }
  }
}

/** Returns the penalty score of a code: the mask with the lowest score is used. @param {boolean[][]} code */
function penaltyOf(code) {
  const size = code.length;
  const rows = code.map((row) => row.map(Number).join(""));
  const columns = rows.map((_, x) => rows.map((row) => row[x]).join(""));
  let penalty = 0;
  for (const line of [...rows, ...columns]) {
    for (const [run] of line.matchAll(/0{5,}|1{5,}/g)) penalty += run.length - 2;
    // Patterns that look like a finder pattern beside a light area.
    penalty += 40 * (line.match(/(?=00001011101|10111010000)/g) ?? []).length;
  }
  for (let y = 1; y < size; y++) {
    for (let x = 1; x < size; x++) {
      const dark = code[y]?.[x];
      const isBlock = code[y]?.[x - 1] === dark && code[y - 1]?.[x] === dark &&
        code[y - 1]?.[x - 1] === dark;
      if (isBlock) penalty += 3;
    }
  }
  const darkShare = rows.join("").replaceAll("0", "").length / (size * size);
  return penalty + 10 * Math.floor(Math.abs(darkShare - 0.5) * 20);
}
