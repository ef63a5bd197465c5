import { ConfigError } from "./errors.ts";

/** What means something to a shell where it is not quoted. */
const OPERATORS = "|&;<>()$`\n";
/** Before these a backslash in double quotes quotes them; before others it is itself. */
const ESCAPABLE_IN_QUOTES = '\\"$`';

/**
 * Splits a command into its program and arguments as a POSIX shell does, with its quotes and
 * backslashes, but without a shell: nothing is expanded, so `*`, `~` and a quoted `$` are themselves.
 *
 * @example
 * ```ts
 * import { splitArguments } from "dinocam/arguments.ts";
 * splitArguments(`ffmpeg -i 'rtsp://door/?a=1&b=2' -f mjpeg -`);
 * // ["ffmpeg", "-i", "rtsp://door/?a=1&b=2", "-f", "mjpeg", "-"]
 * ```
 *
 * @throws {ConfigError} If there is an operator of the shell outside of quotes, or a quote has no end.
 */
export function splitShellWords(command: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < command.length;) {
    if (command.startsWith("\\\n", at)) {
      at += 2; // the line goes on
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

/** A piece of a word, or what separates words: then there is no text. */
interface Piece {
  text?: string;
  /** Where the next piece begins. */
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
    else if (next === "\n") at++; // the line goes on
    else if (ESCAPABLE_IN_QUOTES.includes(next)) text += command[++at];
    else text += "\\";
  }
  throw unterminated('"', open);
}

/** At a backslash outside of quotes. */
function escaped(command: string, at: number): Piece {
  const text = command[at + 1];
  if (text === undefined) throw unterminated("\\", at);
  return { text, end: at + 2 };
}

function unquotedOperator(operator: string, at: number): ConfigError {
  const name = operator === "\n" ? "a line break" : `"${operator}"`;
  return new ConfigError(
    `Cannot run a command with ${name} outside of quotes (character ${at + 1}): ` +
      "there is no shell; to have one, write sh -c '...'",
  );
}

function unterminated(quote: string, at: number): ConfigError {
  return new ConfigError(
    `Cannot split a command into arguments: nothing ends the ${quote} at character ${at + 1}`,
  );
}
