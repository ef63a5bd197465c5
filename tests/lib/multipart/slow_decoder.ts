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
  const known: Delimiters = {
    lines: delimiters,
    bare: boundary.startsWith("--") || boundary.length < 5 ? undefined : boundary,
    confirmed: false,
  };
  const text = `${stream}\n--${boundary}\n`;
  let at: number | undefined = 0;
  let begun = false;
  let trusting = true;
  while (at !== undefined) {
    const header = readHeader(text, at, known, at === 0);
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
    } else {
      while ("\r\n".includes(text[at] ?? "?")) at++;
      const empty = delimiterAt(text, at, known) !== undefined;
      const isDeclared = /^image\/jpe?g\s*(;|$)/i.test(fields.get("content-type") || "image/jpeg");
      if (!empty && text.startsWith("\xff\xd8", at)) {
        begun = true;
        const claim = claimed(fields.get("content-length"), maxFrame);
        const byLength = trusting && claim !== undefined && at + claim <= text.length
          ? jpegIn(text.slice(at, at + claim))
          : undefined;
        if (byLength !== undefined) {
          decoded.parts.push(byLength);
          at += claim!;
          at = nextDelimiter(text, at, known, "after an image")?.to;
          begun = true;
          continue;
        } else {
          const found = nextDelimiter(text, at + 1, known, "in an image", maxFrame)!;
          const jpeg = jpegIn(text.slice(at, found.from));
          const whole = jpeg !== undefined && found.from - at <= maxFrame;
          if (whole) decoded.parts.push(jpeg);
          else decoded.broken++;
          const length = fields.get("content-length");
          if (/^\d+$/.test(length ?? "") && found.from - at <= maxFrame) {
            trusting = jpeg !== undefined && jpegIn(text.slice(at, at + Number(length))) === jpeg;
          }
          if (whole) {
            at = found.to;
            continue;
          }
        }
      } else if (!empty && begun && isDeclared) decoded.broken++;
    }
    at = nextDelimiter(text, at, known, "in a part")?.to;
    begun = true;
  }
  return decoded;
}

/** Reads headers: fields and end, no fields if they are too large, undefined if they do not end. */
function readHeader(text: string, start: number, known: Delimiters, isFirst: boolean) {
  const fields = new Map<string, string>();
  let lines = 0;
  for (let at = start;;) {
    if (text.startsWith("\xff\xd8", at)) return { fields, end: at };
    const lineEnd = text.indexOf("\n", at);
    if (lineEnd === -1) return;
    if (lineEnd + 1 - start > 65_536) return { end: at };
    const restart = delimiterAt(text, at, known) ??
      adoptedAt(text, at, known, isFirst && at === start);
    if (restart !== undefined && restart > at) return { restart, end: at };
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

/** The delimiter lines of a stream. */
interface Delimiters {
  lines: string[];
  /** The boundary without dashes, if it is long enough. */
  bare: string | undefined;
  /** Whether one of the lines has been found. */
  confirmed: boolean;
}

/** Returns the start of the line after a delimiter, if one begins `at`. */
function delimiterAt(text: string, at: number, known: Delimiters): number | undefined {
  const lineEnd = text.indexOf("\n", at);
  const isBare = known.lines.some((line) => line[0] === text[at]);
  if (lineEnd === -1 || lineEnd - at >= 256 || !/[- \t]/.test(text[at]!) && !isBare) return;
  const line = text.slice(at, lineEnd).trim();
  if (!known.lines.some((other) => line === other || line === `${other}--`)) return;
  known.confirmed = true;
  return lineEnd + 1;
}

/**
 * Returns the start of the line after a delimiter with another boundary, or of the header of a
 * part.
 */
function adoptedAt(text: string, at: number, known: Delimiters, isExpected: boolean) {
  if (known.confirmed) return;
  if (isExpected && /^content-/i.test(text.slice(at, at + 8))) return at;
  const lineEnd = text.indexOf("\n", at);
  if (lineEnd === -1 || lineEnd - at >= 256) return;
  const line = text.slice(at, lineEnd).trim();
  const isBare = isExpected && line === known.bare && text.startsWith(line, at);
  if (!isBare && !(text[at] === "-" && /^--[!-~]+$/.test(line))) return;
  if (!isExpected && !/^content-/i.test(text.slice(lineEnd + 1, lineEnd + 9))) return;
  known.lines.push(line);
  known.confirmed = true;
  return lineEnd + 1;
}

function nextDelimiter(
  text: string,
  start: number,
  known: Delimiters,
  where: "after an image" | "in an image" | "in a part",
  maxFrame = 0,
) {
  if (where === "after an image") { while ("\r\n".includes(text[start] ?? "?")) start++; }
  if (where !== "in an image") {
    const to = delimiterAt(text, start, known) ??
      adoptedAt(text, start, known, where === "after an image");
    if (to !== undefined) return { from: start, to };
  }
  for (let from = text.indexOf("\n", start); from !== -1; from = text.indexOf("\n", from + 1)) {
    const before = text.slice(0, text[from - 1] === "\r" ? from - 1 : from);
    const isExpected = where === "in an image" && from - start < maxFrame &&
      text.slice(0, from).replace(/[\r\n]{1,8}$/, "").endsWith("\xff\xd9");
    const to = delimiterAt(text, from + 1, known) ?? adoptedAt(text, from + 1, known, isExpected);
    if (to !== undefined) return { from, to };
    if (where !== "in an image" || from - start >= maxFrame) continue;
    for (const line of known.lines.flatMap((line) => [line, `${line}--`])) {
      const glued = before.length - line.length;
      if (glued >= start && before.endsWith(`\xff\xd9${line}`)) {
        return { from: glued, to: from + 1 };
      }
    }
  }
}
