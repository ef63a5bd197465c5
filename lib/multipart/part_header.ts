/** What a time of day in seconds since the Unix epoch may be: 2001 to 2286. Others count from a start. */
const EARLIEST = 1e9, LATEST = 1e10;

/** The header of a part, line by line. */
export class PartHeader {
  /** Whether no line has come yet. */
  empty = true;
  /** Whether the part may be a JPEG: its type says so, or it has none. */
  isJpeg = true;
  /** How many bytes the part has, if the server is to be believed. */
  contentLength: number | undefined;
  /** When the image was captured, in milliseconds since the Unix epoch. */
  timestamp: number | undefined;

  /** Takes a line in; what is no field or not known is left out. */
  add(line: string): void {
    this.empty = false;
    const colon = line.indexOf(":");
    const value = line.slice(colon + 1).trim();
    switch (line.slice(0, Math.max(0, colon)).trim().toLowerCase()) {
      case "content-type":
        this.isJpeg = /^image\/jpe?g\s*(;|$)/i.test(value);
        break;
      case "content-length":
        this.contentLength = /^\d+$/.test(value) ? Number(value) : undefined;
        break;
      case "x-timestamp":
        this.timestamp = timeOf(value);
    }
  }
}

/** `s.uuuuuu` in milliseconds, if it is a time of day. */
function timeOf(seconds: string): number | undefined {
  if (!/^\d+(\.\d+)?$/.test(seconds)) return;
  const time = Number(seconds);
  return time >= EARLIEST && time < LATEST ? Math.round(time * 1e6) / 1e3 : undefined;
}
