import { ConfigError } from "./errors.ts";

/** Characters that are special to a shell outside quotes. */
const OPERATORS = "|&;<>()$`\n";
/** Inside double quotes, a backslash escapes only these characters; otherwise it is literal. */
const ESCAPABLE_IN_QUOTES = '\\"$`';

/**
 * Splits a command into its program and arguments by the rules of a POSIX shell for quotes and
 * backslashes. It runs no shell and expands nothing: `*`, `~` and a quoted `$` are literal.
 *
 * @example
 * ```ts
 * import { splitShellWords } from "dinocam/shell_words.ts";
 * splitShellWords(`ffmpeg -i 'rtsp://camera/?a=1&b=2' -f mjpeg -`);
 * // ["ffmpeg", "-i", "rtsp://camera/?a=1&b=2", "-f", "mjpeg", "-"]
 * ```
 *
 * @throws {ConfigError} If the command has an unquoted shell operator or an unterminated quote.
 */
export function splitShellWords(command: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < command.length;) {
    if (command.startsWith("\\\n", at)) {
      at += 2; // line continuation
      continue;
    }
    const { text, end } = pieceAt(command, at);
    if (text !== undefined) word = (word ?? "") + text;
    else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
    at = end;
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** A part of a word, or a separator, which has no text. */
interface Piece {
  text?: string;
  /** The index of the next piece. */
  end: number;
}

function pieceAt(command: string, at: number): Piece {
  const character = command[at]!;
  if (character === " " || character === "\t") return { end: at + 1 };
  if (character === "'") return singleQuoted(command, at);
  if (character === '"') return doubleQuoted(command, at);
  if (character === "\\") return escaped(command, at);
  if (OPERATORS.includes(character)) throw unquotedOperator(character, at);
  return { text: character, end: at + 1 };
}

function singleQuoted(command: string, at: number): Piece {
  const close = command.indexOf("'", at + 1);
  if (close === -1) throw unterminated("'", at);
  return { text: command.slice(at + 1, close), end: close + 1 };
}

function doubleQuoted(command: string, open: number): Piece {
  let text = "";
  for (let at = open + 1; at < command.length; at++) {
    if (command[at] === '"') return { text, end: at + 1 };
    const next = command[at + 1];
    if (command[at] !== "\\" || next === undefined) text += command[at];
    else if (next === "\n") at++; // line continuation
    else if (ESCAPABLE_IN_QUOTES.includes(next)) text += command[++at];
    else text += "\\";
  }
  throw unterminated('"', open);
}

/** Reads a backslash outside quotes and the character that it escapes. */
function escaped(command: string, at: number): Piece {
  const text = command[at + 1];
  if (text === undefined) throw unterminated("\\", at);
  return { text, end: at + 2 };
}

function unquotedOperator(operator: string, at: number): ConfigError {
  const name = operator === "\n" ? "a line break" : `"${operator}"`;
  return new ConfigError(
    `Cannot run a command with ${name} outside quotes (character ${at + 1}): ` +
      "no shell runs it; to use a shell, write sh -c '...'",
  );
}

function unterminated(quote: string, at: number): ConfigError {
  return new ConfigError(
    `Cannot split a command into arguments: unterminated ${quote} at character ${at + 1}`,
  );
}
