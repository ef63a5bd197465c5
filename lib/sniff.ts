// Signatures of binary formats contain control characters.
// deno-lint-ignore-file no-control-regex

/** Maximum number of bytes that are examined. */
const EXAMINED = 1_024;
/** Maximum length of quoted text, in characters. */
const MAX_TEXT = 60;
/** Length of a packet of an MPEG transport stream, in bytes. */
const TS_PACKET = 188;

/** A name such as "token", and its value. */
const SECRET_FIELD =
  /\b((?:pass(?:word|wd|phrase)?|pwd|secret|token|bearer|basic)(?=\W)|\w{0,20}(?:key|token|auth\w*|cookie|session\w*)(?=["']?\s*[=:]))(["']?\s*[=:]\s*|\s+)(?:(?:basic|bearer|digest)\s+)?\S+/gi;

/** Formats that begin with fixed bytes, as regular expressions with a character for each byte. */
const SIGNATURES: readonly (readonly [RegExp, string])[] = [
  [/^\xff\xd8\xff/, "JPEG"],
  [/^\x89PNG\r\n\x1a\n/, "PNG"],
  [/^GIF8[79]a/, "GIF"],
  [/^RIFF[^]{4}WEBP/, "WebP"],
  [/^RIFF[^]{4}AVI /, "AVI"],
  [/^RIFF[^]{4}WAVE/, "WAV (sound)"],
  [/^[^]{4}ftyp(?:avif|avis)/, "AVIF"],
  [/^[^]{4}ftyp(?:heic|heix|mif1)/, "HEIF"],
  [/^[^]{4}(?:ftyp|styp|moov|moof|mdat)/, "MP4"],
  [/^FLV\x01/, "FLV"],
  [/^\x1a\x45\xdf\xa3/, "Matroska or WebM"],
  [/^OggS/, "Ogg"],
  [/^BM[^]{4}\0\0\0\0/, "BMP"],
  [/^P[56]\s\d+\s\d+\s\d+\s/, "PNM"],
  [/^YUV4MPEG2 /, "YUV4MPEG2 (raw video)"],
  [/^\x1f\x8b\x08/, "gzip"],
  // Text that may be followed by binary data, or by text in another encoding than UTF-8.
  [/^RTSP\/\d/, "RTSP response"],
  [/^HTTP\/\d/, "HTTP response"],
  [/^\s*--[!-~]{1,72}\r?\nContent-/i, "multipart stream"],
  [
    /^(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->)[^])*-->\s*)*<(?:!doctype html|html|head|body)\b/i,
    "HTML",
  ],
  // NAL units of layer 0 (ITU-T H.265, 7.4.2.2): slices, IDR and CRA pictures, VPS, SPS, PPS, AUD
  // and SEI.
  [/^\0{2,3}\x01[\x02\x26\x28\x2a\x40\x42\x44\x46\x4e]\x01/, "H.265"],
  // NAL units (ITU-T H.264, 7.4.1): slices, IDR slices, SPS and PPS with a nal_ref_idc, SEI and AUD
  // without.
  [/^\0{2,3}\x01[\x01\x21\x41\x61\x25\x45\x65\x27\x47\x67\x28\x48\x68\x06\x09]/, "H.264"],
  [/^\0{2,3}\x01\xb3/, "MPEG-1 or MPEG-2 video"],
  [/^\0{2,3}\x01\xba/, "MPEG-PS"],
  [/^\0{2,3}\x01[\xb0\xb5\xb6\x20]/, "MPEG-4 Part 2 video"],
];

/** Other formats that are text. */
const TEXTS: readonly (readonly [RegExp, string])[] = [
  [/^<(?:\?xml|!doctype|[a-z][\w:.-]*[\s\/>])/i, "XML"],
  [/^(?:\{\s*["}]|\[\s*(?:[\[\]{"]|-?[\d.]+\s*,))/, "JSON"],
];

/**
 * Describes the first bytes of a stream, for error messages: the name of a format such as "H.264"
 * or "HTML", `text: "…"` with the first words, "zeros", "nothing", or the first four bytes of other
 * binary data.
 *
 * The text is at most 60 characters long, and URLs, passwords and long keys in it are replaced.
 */
export function describeBytes(bytes: Uint8Array): string {
  if (bytes.length === 0) return "nothing";
  const head = bytes.subarray(0, EXAMINED);
  const binary = String.fromCharCode(...head);
  const signature = SIGNATURES.find(([pattern]) => pattern.test(binary));
  if (signature) return signature[1];
  if (isTransportStream(bytes)) return "MPEG-TS";
  if (head.every((byte) => byte === 0)) return "zeros";
  const text = decodeText(head);
  if (text !== undefined) {
    return TEXTS.find(([pattern]) => pattern.test(text))?.[1] ?? `text: ${quote(text)}`;
  }
  const first = [...head.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0"));
  return `raw video or other binary data (first bytes ${first.join(" ").toUpperCase()})`;
}

/**
 * Whether each packet begins with a sync byte, and the first has a valid header (ISO/IEC 13818-1,
 * 2.4.3.2).
 */
function isTransportStream(bytes: Uint8Array): boolean {
  if (bytes.length < 4 || bytes[1]! & 0x80 || (bytes[3]! & 0x30) === 0) return false;
  if (bytes.length < TS_PACKET && decodeText(bytes) !== undefined) return false;
  for (let at = 0; at < Math.min(bytes.length, 5 * TS_PACKET); at += TS_PACKET) {
    if (bytes[at] !== 0x47) return false;
  }
  return true;
}

/**
 * Returns bytes as text without colours; undefined if they are not UTF-8 or contain control
 * characters.
 */
function decodeText(bytes: Uint8Array): string | undefined {
  try {
    // With `stream`, an incomplete character at the end is not an error.
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true })
      .replaceAll(/\x1b\[[\d;]*[a-zA-Z]/g, "");
    return /[^\P{Cc}\t\r\n\f\v]/u.test(text) ? undefined : text.trimStart();
  } catch (error) {
    if (error instanceof TypeError) return undefined; // not UTF-8
    throw error;
  }
}

/** Returns the first words of a text in quotes, without anything that could be a secret. */
function quote(text: string): string {
  const words = withoutSecrets(text).replaceAll(/\s+/g, " ").replaceAll(/[^\P{C} ]/gu, "").trim();
  const letters = [...words];
  const isLong = letters.length > MAX_TEXT;
  const shown = isLong ? `${letters.slice(0, MAX_TEXT - 1).join("").trimEnd()}…` : words;
  return `"${shown.replaceAll(/["\\]/g, "\\$&")}"`;
}

/** Replaces URLs, user names with passwords, values of fields such as "token", and long keys. */
function withoutSecrets(text: string): string {
  return text
    .replaceAll(/\b[a-z][a-z\d+.-]{0,20}:\/\/\S*/gi, "(URL)")
    .replaceAll(/[^\s:@]{1,200}:[^\s@]{1,200}@\S*/g, "(address)")
    .replaceAll(SECRET_FIELD, "$1$2(hidden)")
    .replaceAll(/[\w+\/=-]{24,}/g, (word) => /\d/.test(word) ? "(hidden)" : word);
}
