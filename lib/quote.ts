/** Default maximum length of a value in a message, in characters. The rest is cut off. */
const MAX_LENGTH = 80;

/** Characters that are invisible, control the terminal, or change the order of the text around them. */
// deno-lint-ignore no-control-regex
const INVISIBLE = /[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/;
const INVISIBLES = new RegExp(INVISIBLE, "g");

/**
 * Quotes a value of unknown content for a message. Escapes quotes, control characters and invisible
 * characters, and cuts off a long value with an ellipsis: `"a\"b\n"`.
 */
export function quote(text: string): string {
  return `"${cut(text, (character) => JSON.stringify(character).slice(1, -1))}"`;
}

/** Like {@link quote}, but without the quotes: for the text of another program, or a URL. */
export function shorten(text: string, maxLength = MAX_LENGTH): string {
  return cut(text, (character) => character, maxLength);
}

/** Quotes a value for a shell, if necessary. */
export function shellQuote(value: string): string {
  return /^[\w./:@+,=-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

/** Escapes line breaks, control characters and invisible characters, for the terminal or a log. */
export function printable(text: string): string {
  return text.replaceAll(INVISIBLES, escapeSequence);
}

/**
 * Whether a value is in quotation marks, as if a shell should remove them. A shell does not remove
 * the typographic marks of a word processor.
 */
export function isQuoted(text: string): boolean {
  return /^(["'])[^]*\1$|^[“”„‘’‚«»][^]*[“”‘’«»]$/.test(text);
}

function cut(
  text: string,
  escape: (character: string) => string,
  maxLength = MAX_LENGTH,
): string {
  let escaped = "";
  // A character has at most two code units; text after the limit is not examined.
  for (const character of text.slice(0, 2 * maxLength + 2)) {
    const piece = INVISIBLE.test(character) ? escapeSequence(character) : escape(character);
    if (escaped.length + piece.length > maxLength) return `${escaped}…`;
    escaped += piece;
  }
  return escaped;
}

/** Returns an escape sequence: `\n`, as in JSON, if JSON has one; otherwise `\u200b`. */
function escapeSequence(character: string): string {
  const json = JSON.stringify(character).slice(1, -1);
  return json.startsWith("\\")
    ? json
    : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
