/** A part of a file: offsets of its first byte and of its end. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads a `Range` header (RFC 9110, section 14.2) for a file of `length` bytes.
 *
 * @returns undefined if the whole file must be sent: there is no range, several, or another unit.
 * `unsatisfiable` requires a 416.
 */
export function readRange(
  header: string | undefined,
  length: number,
): ByteRange | "unsatisfiable" | undefined {
  const [, first, last] = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header ?? "") ?? [];
  if (first === undefined || last === undefined || !first && !last) return undefined;
  if (!first) {
    const size = Math.min(Number(last), length);
    return size === 0 ? "unsatisfiable" : { start: length - size, end: length };
  }
  const [start, end] = [Number(first), last ? Number(last) + 1 : length];
  if (end <= start && last) return undefined; // not valid
  return start >= length ? "unsatisfiable" : { start, end: Math.min(end, length) };
}

/**
 * Whether the `If-Range` header allows a part: the client's part must be of the same file. A date
 * never does, as clips have no date of change.
 */
export function allowsRange(ifRange: string | undefined, etag: string): boolean {
  return ifRange === undefined || ifRange.trim() === etag;
}
