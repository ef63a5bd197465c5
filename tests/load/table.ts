/** A line of the table. */
export interface Line {
  readonly name: string;
  /** One for each column; undefined where nothing could be measured. */
  readonly figures: readonly (number | undefined)[];
  readonly digits: number;
  /** Without ratios. */
  readonly plain?: boolean;
}

/** Writes a table in Markdown. Behind each figure is how many times the first column's it is. */
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

/** The middle one; of an even number the upper one. */
export function median(numbers: readonly number[]): number | undefined {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}
