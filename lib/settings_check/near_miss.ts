/** The rows of a keyboard. Adjacent letters are often mistyped for each other. */
const KEYBOARD_ROWS = ["QWERTYUIOP", "ASDFGHJKL", "ZXCVBNM"];

/**
 * Finds the name that a misspelled name most likely stands for; undefined if it resembles no name.
 * The names are in capitals.
 */
export function nearest(misspelled: string, names: Iterable<string>): string | undefined {
  let best: { name: string; distance: number } | undefined;
  for (const name of names) {
    if (!mayBeWithin(3, misspelled, name)) continue; // excludes most variables
    const distance = editDistance(misspelled, name);
    if (distance < (best?.distance ?? Infinity) && isNear(misspelled, name, distance)) {
      best = { name, distance };
    }
  }
  return best?.name;
}

/**
 * Whether a name is a misspelling. The shorter a name is, the more other words resemble it: COST
 * and POST are not misspellings of HOST.
 */
function isNear(misspelled: string, name: string, distance: number): boolean {
  if (misspelled.replaceAll("_", "") === name.replaceAll("_", "")) return true;
  if (name.length <= 4) return distance === 1 && isLikelyTypo(misspelled, name);
  if (distance <= 1) return true;
  const sameEnds = misspelled[0] === name[0] && misspelled.at(-1) === name.at(-1);
  if (distance === 2) return name.length >= 8 || misspelled.length >= 6 && sameEnds;
  return distance === 3 && name.length >= 12;
}

/** Whether a difference of one edit from a short name is a frequent typing error. */
function isLikelyTypo(misspelled: string, name: string): boolean {
  const added = misspelled.length - name.length;
  // FPS and LOG are within one letter of too many abbreviations (GPS, PS, OG).
  if (added < 0) return name.length > 3 && misspelled[0] === name[0];
  if (added > 0) return /(.)\1/.test(misspelled) || misspelled === `${name}S`;
  const at = [...name].findIndex((letter, i) => letter !== misspelled[i]);
  const isTransposition = misspelled[at] === name[at + 1] && misspelled[at + 1] === name[at];
  return isTransposition || name.length > 3 && areNeighbours(misspelled[at]!, name[at]!);
}

function areNeighbours(a: string, b: string): boolean {
  return KEYBOARD_ROWS.some((row) =>
    row.includes(a) && row.includes(b) && Math.abs(row.indexOf(a) - row.indexOf(b)) === 1
  );
}

/**
 * Whether {@link editDistance} can be at most `max`, by the lengths and the letters of the texts.
 * Computing it for all pairs of a variable and a setting would take 4 ms at every start.
 */
export function mayBeWithin(max: number, a: string, b: string): boolean {
  return Math.abs(a.length - b.length) <= max && missing(a, b) <= max && missing(b, a) <= max;
}

/** Counts the different letters of a text that another one does not contain. */
function missing(text: string, other: string): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const letter = text[i]!;
    if (!other.includes(letter) && text.indexOf(letter) === i) count++;
  }
  return count;
}

/**
 * Counts the insertions, deletions, substitutions and transpositions of neighbours that turn one
 * text into another (optimal string alignment).
 */
export function editDistance(a: string, b: string): number {
  let [beforeLast, last]: number[][] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = last![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(substitution, last![j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j]!, beforeLast![j - 2]! + 1);
      }
    }
    [beforeLast, last] = [last, row];
  }
  return last![b.length]!;
}
