/** A figure, or those of all rounds, of which the median and the range are printed. */
export type Figure = number | readonly number[];

/** A line of the table. */
export interface Line {
  readonly name: string;
  /** One figure per column; undefined if the measurement failed. */
  readonly figures: readonly (Figure | undefined)[];
  /** Number of decimals. */
  readonly digits: number;
  /** Printed without ratios. */
  readonly plain?: boolean;
}

/**
 * Formats a Markdown table. Each figure is followed in brackets by its range in all rounds, and by
 * its ratio to the first column: `144 (140–151, 1.05 ×)`.
 */
export function writeTable(columns: readonly string[], lines: readonly Line[]): string {
  const rows = [["", ...columns], ["---", ...columns.map(() => "---:")], ...lines.map(cells)];
  return rows.map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function cells({ name, figures, digits, plain }: Line): string[] {
  const rounds = figures.map((figure) => [figure ?? []].flat().filter(Number.isFinite));
  const [first] = rounds.map(median);
  const isComparable = !plain && Number(first?.toFixed(digits)) > 0;
  return [
    name,
    ...rounds.map((values, i) => {
      const figure = median(values);
      if (figure === undefined) return "–";
      const notes = [
        ...rangeOf(values, digits),
        ...i > 0 && isComparable ? [ratioOf(figure, first!)] : [],
      ];
      return figure.toFixed(digits) + (notes.length > 0 ? ` (${notes.join(", ")})` : "");
    }),
  ];
}

/** Returns the range of values as text, unless they are all the same when rounded. */
function rangeOf(values: readonly number[], digits: number): string[] {
  const [least, greatest] = [Math.min(...values), Math.max(...values)].map((value) =>
    value.toFixed(digits)
  );
  return least === greatest ? [] : [`${least}–${greatest}`];
}

function ratioOf(figure: number, first: number): string {
  const ratio = figure / first;
  return `${ratio.toFixed(ratio < 10 ? 2 : 0)} ×`;
}

/** Returns the median, of an even number of values the upper one. */
export function median(numbers: readonly number[]): number | undefined {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}
