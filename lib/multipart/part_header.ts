/**
 * Range of capture times, in seconds since the Unix epoch: 2001 to 2286. Other times are relative.
 */
const EARLIEST = 1e9, LATEST = 1e10;

/** The headers of a part, parsed line by line. */
export class PartHeader {
  /** Whether no line has been added yet. */
  empty = true;
  /** The declared type of the part; empty if there is none. */
  type = "";
  /** The length of the part in bytes, as claimed by the server. */
  contentLength: number | undefined;
  /** Capture time in milliseconds since the Unix epoch. */
  timestamp: number | undefined;

  /** Whether the part is declared as a JPEG, or not declared. */
  get mayBeJpeg(): boolean {
    return /^(image\/jpe?g\s*(;|$)|$)/i.test(this.type);
  }

  /** Parses a line. Unknown fields and other lines are ignored. */
  add(line: string): void {
    this.empty = false;
    const colon = line.indexOf(":");
    const value = line.slice(colon + 1).trim();
    switch (line.slice(0, Math.max(0, colon)).trim().toLowerCase()) {
      case "content-type":
        this.type = value;
        break;
      case "content-length":
        this.contentLength = /^\d+$/.test(value) ? Number(value) : undefined;
        break;
      case "x-timestamp":
        this.timestamp = parseTimestamp(value);
    }
  }
}

/**
 * Converts the value of `X-Timestamp`, `s.uuuuuu`, to milliseconds; undefined if it is not a
 * plausible time.
 */
export function parseTimestamp(seconds: string): number | undefined {
  if (!/^\d+(\.\d+)?$/.test(seconds)) return;
  const time = Number(seconds);
  return time >= EARLIEST && time < LATEST ? Math.round(time * 1e6) / 1e3 : undefined;
}
