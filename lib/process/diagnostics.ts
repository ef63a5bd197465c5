import type { Bytes } from "../bytes.ts";
import { CameraError } from "../errors.ts";
import type { Redactor } from "../redact.ts";

/** Maximum number of lines of a program's standard error that are kept, the last ones. */
const MAX_STDERR_LINES = 20;
/** Maximum length of an unfinished line of standard error that is kept, in characters. */
const MAX_PENDING_LENGTH = 65_536;
/** Maximum length of a line in an error message, in characters. */
const MAX_LINE_LENGTH = 500;

/** An error message that a program is known to print, and what to do about it. */
export interface KnownError {
  /** Matches a line of the program's standard error. */
  pattern: RegExp;
  /** What the user can do. `$1` stands for the first group of the pattern. */
  hint?: string;
  /** Whether retrying is pointless until the user changes something. */
  permanent?: boolean;
}

/** How a program ended. */
export interface ProgramEnd {
  readonly name: string;
  /** Whether the server terminated it, because it hung or because the server shuts down. */
  readonly aborted: boolean;
  /** Whether it exited by itself after it closed its output. */
  readonly exited: boolean;
  readonly status: Deno.CommandStatus;
  /** The last lines of its standard error, by {@link readLastLines}. */
  readonly stderrLines: readonly string[];
}

/**
 * Reads a program's standard error to its end, or until `signal` aborts.
 *
 * @param redactor Replaces the secrets in the program's arguments: programs print the URL that they
 * were given.
 * @returns The last non-empty lines, in printable form and without passwords.
 */
export async function readLastLines(
  stderr: ReadableStream<Bytes>,
  { signal, redactor }: { signal: AbortSignal; redactor: Redactor },
): Promise<string[]> {
  let lines: string[] = [];
  let pending = "";
  try {
    for await (const text of stderr.pipeThrough(new TextDecoderStream(), { signal })) {
      const parts = (pending + text).split(/[\r\n]+/);
      pending = parts.pop()!.slice(-MAX_PENDING_LENGTH);
      lines = [...lines, ...parts].slice(-MAX_STDERR_LINES);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return [...lines, pending].map((line) => toPrintable(line, redactor)).filter((line) =>
    line !== ""
  );
}

/** Returns the error of a program that has ended, or undefined if it ended as expected. */
export function errorFor(
  end: ProgramEnd,
  knownErrors: readonly KnownError[] = [],
): CameraError | undefined {
  const known = findKnownError(end.stderrLines, knownErrors);
  // The exit status of a terminated program means nothing, but its standard error may explain why
  // it hung. Some programs exit with code 0 when their camera is unplugged: only standard error
  // shows it.
  if (!known && (end.aborted || end.status.success && end.exited)) return undefined;
  const reason = known?.line ?? lastErrorLine(end.stderrLines);
  return new CameraError(`${end.name}${describeEnd(end)}${reason ? `: ${reason}` : ""}`, {
    hint: known?.hint,
    permanent: known?.permanent,
  });
}

/** Describes how a program ended, to follow its name. Empty if the server terminated it. */
function describeEnd({ aborted, exited, status: { success, code, signal } }: ProgramEnd): string {
  if (aborted) return "";
  if (!exited) return " closed its output";
  if (signal) return ` was terminated by ${signal}`;
  if (success) return " exited";
  return ` exited with code ${code}`;
}

/** Finds the first known error that matches a line, and the last line that it matches. */
function findKnownError(lines: readonly string[], knownErrors: readonly KnownError[]) {
  for (const { pattern, hint, permanent } of knownErrors) {
    const line = lines.findLast((line) => pattern.test(line));
    if (line === undefined) continue;
    const [match] = pattern.exec(line)!;
    return { line, hint: hint && match.replace(pattern, hint), permanent };
  }
}

/** Returns the last line with a word of an error message, or else the last line. */
function lastErrorLine(lines: readonly string[]): string | undefined {
  const errorWords = /error|cannot|can't|fail|not |no such|denied|invalid/i;
  return lines.findLast((line) => errorWords.test(line)) ?? lines.at(-1);
}

/** Removes colours and binary characters, and hides passwords and keys in URLs. */
function toPrintable(line: string, redactor: Redactor): string {
  // deno-lint-ignore no-control-regex
  const text = line.replaceAll(/\x1b\[[\d;]*m|[\x00-\x1f\x7f-\x9f\ufffd]/g, "");
  const redacted = redactor.redact(text).replaceAll(/:\/\/\S+@/g, "://…@")
    .replaceAll(/(:\/\/[^\s?]*\?)\S*/g, "$1…");
  return redacted.trim().slice(0, MAX_LINE_LENGTH);
}
