/** A line of the table. */
export interface Line {
  readonly name: string;
  /** One figure per column; undefined if the measurement failed. */
  readonly figures: readonly (number | undefined)[];
  /** Number of decimals. */
  readonly digits: number;
  /** Printed without ratios. */
  readonly plain?: boolean;
}

/** Formats a Markdown table. Each figure is followed by its ratio to the first column. */
export function writeTable(columns: readonly string[], lines: readonly Line[]): string {
  const rows = [["", ...columns], ["---", ...columns.map(() => "---:")], ...lines.map(cells)];
  return rows.map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function cells({ name, figures, digits, plain }: Line): string[] {
  const [first] = figures;
  return [
    name,
    ...figures.map((figure, i) => {
      if (figure === undefined || !Number.isFinite(figure)) return "–";
      const text = figure.toFixed(digits);
      if (plain || i === 0 || !(Number(first?.toFixed(digits)) > 0)) return text;
      const ratio = figure / first!;
      return `${text} (${ratio.toFixed(ratio < 10 ? 2 : 0)} ×)`;
    }),
  ];
}

/** Returns the median, of an even number of values the upper one. */
export function median(numbers: readonly number[]): number | undefined {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}
