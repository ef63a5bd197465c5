import { CameraError, explain } from "../errors.ts";
import { printable } from "../quote.ts";

/** The result of one check. */
export interface Finding {
  /**
   * `note`: no problem with the current settings. `warning`: a setting that probably does not do
   * what the user wants.
   */
  readonly verdict: "ok" | "note" | "warning" | "problem";
  /** The result, in one line. */
  readonly text: string;
  /** What the user can do about it. */
  readonly advice?: string;
}

/** Formats a finding as text for a terminal. */
export function formatFinding({ verdict, text, advice }: Finding): string {
  const line = `${verdict.padEnd(8)} ${printable(text)}`;
  return advice ? `${line}\n${" ".repeat(8)} → ${printable(advice)}` : line;
}

/** Converts an error to a problem, with its causes and its hint. */
export function problemOf(subject: string, error: unknown): Finding {
  const advice = error instanceof CameraError ? error.hint : undefined;
  return { verdict: "problem", text: `${subject}: ${explain(error)}`, advice };
}
