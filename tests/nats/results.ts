import type { FrameStatistics } from "./frame_reader.ts";

/** The outcome of a check. */
export interface Outcome {
  /** What must hold; empty for a figure without a goal. */
  readonly goal?: string;
  /** What was measured over NATS. */
  readonly nats: string | number;
  /** What was measured over the relays on the same links. */
  readonly relay?: string | number;
  /** Whether the goal is reached. */
  readonly holds?: boolean;
}

interface Row extends Outcome {
  readonly check: string;
}

/** The outcomes of all checks, printed as they come, and as one table at the end. */
export class Results {
  readonly #rows: Row[] = [];
  #verified = 0;

  /** Adds an outcome. A goal that is missed fails in {@link verify}, after the other figures. */
  add(check: string, outcome: Outcome): void {
    this.#rows.push({ check, ...outcome });
    const { goal, nats, relay, holds = true } = outcome;
    const beside = relay === undefined ? "" : `; over relays ${relay}`;
    console.log(
      `${check}: ${nats}${beside}${goal ? ` (goal: ${goal})` : ""}${holds ? "" : " MISSED"}`,
    );
  }

  /** Fails if a goal was missed since the last call. */
  verify(): void {
    const missed = this.#rows.slice(this.#verified).filter(({ holds = true }) => !holds);
    this.#verified = this.#rows.length;
    if (missed.length === 0) return;
    const lines = missed.map(({ check, goal, nats }) => `${check}: ${nats} (goal: ${goal})`);
    throw new Error(`Goals missed:\n${lines.join("\n")}`);
  }

  /** Returns the table, as Markdown; empty without an outcome. */
  table(): string {
    if (this.#rows.length === 0) return "";
    const cells = [
      ["check", "goal", "NATS", "HTTP relay"],
      ["---", "---", "---", "---"],
      ...this.#rows.map(({ check, goal = "", nats, relay = "", holds = true }) => [
        check,
        goal,
        `${nats}${holds ? "" : " **missed**"}`,
        `${relay}`,
      ]),
    ];
    return cells.map((row) => `| ${row.join(" | ")} |`).join("\n");
  }
}

/** Describes what a viewer has received: `4.3 fps, 259 ms old, p99 275 ms`. */
export function described({ fps, p50, p99, frames }: FrameStatistics): string {
  if (frames === 0) return "no frame";
  return `${fps.toFixed(fps < 2 ? 2 : 1)} fps, ${p50.toFixed(0)} ms old, p99 ${p99.toFixed(0)} ms`;
}
