/** Result of {@link decodeSlowly}; `parts` as Latin-1. */
export interface Decoded {
  parts: string[];
  broken: number;
}

/**
 * Decodes a complete stream, given as Latin-1, like `decodeMultipart` but by the simplest means.
 */
export function decodeSlowly(stream: string, boundary: string, maxFrame: number): Decoded {
  const decoded: Decoded = { parts: [], broken: 0 };
  const delimiters = [`--${boundary}`, boundary].filter((line) => line.startsWith("--"));
  const text = `${stream}\n--${boundary}\n`;
  let at: number | undefined = 0;
  let begun = false;
  let trusting = true;
  while (at !== undefined) {
    const header = readHeader(text, at, delimiters);
    if (header === undefined) return decoded;
    const { fields, end, restart } = header;
    if (restart !== undefined) {
      at = restart;
      begun = true;
      continue;
    }
    at = end;
    if (fields === undefined) {
      if (begun) decoded.broken++;
    } else if (/^image\/jpe?g\s*(;|$)/i.test(fields.get("content-type") ?? "image/jpeg")) {
      while ("\r\n".includes(text[at] ?? "?")) at++;
      const empty = delimiterAt(text, at, delimiters) !== undefined;
      if (!empty && text.startsWith("\xff\xd8", at)) {
        begun = true;
        const claim = claimed(fields.get("content-length"), maxFrame);
        const byLength = trusting && claim !== undefined && at + claim <= text.length
          ? jpegIn(text.slice(at, at + claim))
          : undefined;
        if (byLength !== undefined) {
          decoded.parts.push(byLength);
          at += claim!;
        } else {
          const found = nextDelimiter(text, at + 1, delimiters, false)!;
          const jpeg = jpegIn(text.slice(at, found.from));
          const whole = jpeg !== undefined && found.from - at <= maxFrame;
          if (whole) decoded.parts.push(jpeg);
          else decoded.broken++;
          const length = fields.get("content-length");
          if (/^\d+$/.test(length ?? "") && found.from - at <= maxFrame) {
            trusting = jpeg !== undefined && jpegIn(text.slice(at, at + Number(length))) === jpeg;
          }
          at = found.from;
        }
      } else if (!empty && begun) decoded.broken++;
    }
    at = nextDelimiter(text, at, delimiters, true)?.to;
    begun = true;
  }
  return decoded;
}

/** Reads headers: fields and end, no fields if they are too large, undefined if they do not end. */
function readHeader(text: string, start: number, delimiters: string[]) {
  const fields = new Map<string, string>();
  let lines = 0;
  for (let at = start;;) {
    if (text.startsWith("\xff\xd8", at)) return { fields, end: at };
    const lineEnd = text.indexOf("\n", at);
    if (lineEnd === -1) return;
    if (lineEnd + 1 - start > 65_536) return { end: at };
    const restart = delimiterAt(text, at, delimiters);
    if (restart !== undefined) return { restart, end: at };
    const line = text.slice(at, lineEnd).trim();
    at = lineEnd + 1;
    if (line === "" && lines > 0) return { fields, end: at };
    if (line === "") continue;
    lines++;
    const [, name, value] = /^([^:]*):(.*)$/s.exec(line) ?? [];
    if (name !== undefined) fields.set(name.trim().toLowerCase(), value!.trim());
  }
}

function claimed(length: string | undefined, maxFrame: number): number | undefined {
  const claim = /^\d+$/.test(length ?? "") ? Number(length) : 0;
  return claim >= 4 && claim <= maxFrame ? claim : undefined;
}

function jpegIn(text: string): string | undefined {
  const whole = text.replace(/[\0\r\n ]+$/, "");
  return whole.length >= 4 && whole.endsWith("\xff\xd9") ? whole : undefined;
}

/** Returns the start of the line after a delimiter, if one begins `at`. */
function delimiterAt(text: string, at: number, delimiters: string[]): number | undefined {
  const lineEnd = text.indexOf("\n", at);
  if (lineEnd === -1 || lineEnd - at >= 256 || !/[- \t]/.test(text[at]!)) return;
  const line = text.slice(at, lineEnd).trim();
  return delimiters.some((known) => line === known || line === `${known}--`)
    ? lineEnd + 1
    : undefined;
}

function nextDelimiter(text: string, start: number, delimiters: string[], atLine: boolean) {
  const first = atLine ? delimiterAt(text, start, delimiters) : undefined;
  if (first !== undefined) return { from: start, to: first };
  for (let from = text.indexOf("\n", start); from !== -1; from = text.indexOf("\n", from + 1)) {
    const to = delimiterAt(text, from + 1, delimiters);
    if (to !== undefined) return { from, to };
  }
}
