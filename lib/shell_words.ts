import { ConfigError } from "./errors.ts";

/** The rules by which a command is split. */
interface Rules {
  /** Characters that are special to the system's shell outside quotes. */
  readonly operators: string;
  /** How to run a command with such a character. */
  readonly shellCommand: string;
}

const POSIX: Rules = {
  operators: "|&;<>()$`\n",
  shellCommand: "sh -c '...'",
};

const WINDOWS: Rules = {
  operators: "|&<>\n",
  shellCommand: 'cmd /c "..."',
};

/**
 * Inside double quotes, a POSIX backslash escapes only these characters; otherwise it is literal.
 */
const ESCAPABLE_IN_QUOTES = '\\"$`';

/** Options of {@link splitShellWords}. */
export interface SplitShellWordsOptions {
  /** The system by whose rules backslashes are read. @default {Deno.build.os} */
  os?: typeof Deno.build.os;
}

/**
 * Splits a command into its program and arguments by the rules of a POSIX shell for quotes and
 * backslashes. It runs no shell and expands nothing: `*`, `~` and a quoted `$` are literal.
 *
 * On Windows, a backslash is literal (`C:\ffmpeg\bin\ffmpeg.exe`) unless a `"` follows, as in
 * `CommandLineToArgvW`: of backslashes before a `"`, each pair becomes one backslash, and an unpaired one makes the `"` literal.
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
export function splitShellWords(
  command: string,
  { os = Deno.build.os }: SplitShellWordsOptions = {},
): string[] {
  const rules = os === "windows" ? WINDOWS : POSIX;
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < command.length;) {
    if (rules === POSIX && command.startsWith("\\\n", at)) {
      at += 2; // line continuation
      continue;
    }
    const { text, end } = pieceAt(command, at, rules);
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

function pieceAt(command: string, at: number, rules: Rules): Piece {
  const character = command[at]!;
  if (character === " " || character === "\t") return { end: at + 1 };
  if (character === "'") return singleQuoted(command, at);
  if (character === '"') return doubleQuoted(command, at, rules);
  if (character === "\\") {
    return rules === WINDOWS ? windowsBackslashes(command, at) : escaped(command, at);
  }
  if (rules.operators.includes(character)) throw unquotedOperator(character, at, rules);
  return { text: character, end: at + 1 };
}

function singleQuoted(command: string, at: number): Piece {
  const close = command.indexOf("'", at + 1);
  if (close === -1) throw unterminated("'", at);
  return { text: command.slice(at + 1, close), end: close + 1 };
}

function doubleQuoted(command: string, open: number, rules: Rules): Piece {
  let text = "";
  for (let at = open + 1; at < command.length;) {
    if (command[at] === '"') return { text, end: at + 1 };
    const piece = command[at] !== "\\"
      ? { text: command[at]!, end: at + 1 }
      : rules === WINDOWS
      ? windowsBackslashes(command, at)
      : escapedInQuotes(command, at);
    text += piece.text;
    at = piece.end;
  }
  throw unterminated('"', open);
}

/** Reads a backslash inside double quotes, and the character after it if it escapes that. */
function escapedInQuotes(command: string, at: number): Required<Piece> {
  const next = command[at + 1];
  if (next === "\n") return { text: "", end: at + 2 }; // line continuation
  const escapes = next !== undefined && ESCAPABLE_IN_QUOTES.includes(next);
  return escapes ? { text: next, end: at + 2 } : { text: "\\", end: at + 1 };
}

/** Reads a backslash outside quotes and the character that it escapes. */
function escaped(command: string, at: number): Piece {
  const text = command[at + 1];
  if (text === undefined) throw unterminated("\\", at);
  return { text, end: at + 2 };
}

/** Reads backslashes by the rules of Windows, and the `"` after them if it is literal. */
function windowsBackslashes(command: string, at: number): Required<Piece> {
  const [backslashes] = /^\\+/.exec(command.slice(at))!;
  const { length } = backslashes;
  const end = at + length;
  if (command[end] !== '"') return { text: backslashes, end };
  const text = "\\".repeat(Math.floor(length / 2));
  return length % 2 === 0 ? { text, end } : { text: `${text}"`, end: end + 1 };
}

function unquotedOperator(operator: string, at: number, { shellCommand }: Rules): ConfigError {
  const name = operator === "\n" ? "a line break" : `"${operator}"`;
  return new ConfigError(
    `Cannot run a command with ${name} outside quotes (character ${at + 1}): ` +
      `no shell runs it; to use a shell, write ${shellCommand}`,
  );
}

function unterminated(quote: string, at: number): ConfigError {
  return new ConfigError(
    `Cannot split a command into arguments: unterminated ${quote} at character ${at + 1}`,
  );
}
