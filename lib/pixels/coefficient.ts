// A coefficient, or the difference of two DC coefficients, is coded as its size and as many bits
// (ITU-T T.81, F.1.2.1).

/** Returns the size of a value: its number of bits. */
export function sizeOf(value: number): number {
  return 32 - Math.clz32(value < 0 ? -value : value);
}

/** Returns the bits that stand for a value. */
export function bitsOf(value: number, size: number): number {
  return value < 0 ? value + (1 << size) - 1 : value;
}

/** Returns the value that bits stand for (EXTEND in ITU-T T.81, F.2.2.1). */
export function extend(bits: number, size: number): number {
  return bits < 1 << (size - 1) ? bits - (1 << size) + 1 : bits;
}
