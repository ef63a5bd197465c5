import type { HuffmanTable } from "../jpeg/tables.ts";

/** Maximum length of a code in bits (ITU-T T.81, C). */
const MAX_LENGTH = 16;

/**
 * Makes the Huffman table with the shortest codes for symbols that occur so often (ITU-T T.81,
 * K.2). No code consists of ones only.
 *
 * @param counts How often each symbol occurs, by symbol. It gets a code if that is more than 0.
 */
export function fittedTable(id: number, counts: Uint32Array): HuffmanTable {
  const symbols = [...counts.keys()].filter((symbol) => counts[symbol]! > 0);
  symbols.sort((a, b) => counts[b]! - counts[a]! || a - b);
  // One more symbol, the rarest: its code, of ones only, is not used.
  const lengths = codeLengths([...symbols.map((symbol) => counts[symbol]!), 0]);
  const numbers = limited(lengths);
  numbers[numbers.findLastIndex((number) => number > 0)]!--;
  return { id, counts: Uint8Array.from(numbers.slice(1)), values: Uint8Array.from(symbols) };
}

/** Returns how many codes have each length, by length. @param weights In descending order. */
function codeLengths(weights: readonly number[]): number[] {
  // The two lightest nodes are joined again and again. A leaf is its depth, a join its two nodes.
  interface Node {
    readonly weight: number;
    readonly leaves: number[];
  }
  let nodes: Node[] = weights.map((weight) => ({ weight, leaves: [0] })).reverse();
  while (nodes.length > 1) {
    const [first, second, ...rest] = nodes as [Node, Node, ...Node[]];
    const leaves = [...first.leaves, ...second.leaves].map((depth) => depth + 1);
    const joined = { weight: first.weight + second.weight, leaves };
    const at = rest.findIndex(({ weight }) => weight > joined.weight);
    nodes = rest.toSpliced(at < 0 ? rest.length : at, 0, joined);
  }
  const numbers = Array<number>(weights.length + MAX_LENGTH).fill(0);
  for (const depth of nodes[0]!.leaves) numbers[Math.max(1, depth)]!++;
  return numbers;
}

/** Shortens the codes that are too long, at the expense of others (ITU-T T.81, figure K.3). */
function limited(numbers: readonly number[]): number[] {
  const result = [...numbers];
  for (let length = result.length - 1; length > MAX_LENGTH; length--) {
    while (result[length]! > 0) {
      let shorter = length - 2;
      while (result[shorter] === 0) shorter--;
      result[length]! -= 2;
      result[length - 1]!++;
      result[shorter + 1]! += 2;
      result[shorter]!--;
    }
  }
  return result.slice(0, MAX_LENGTH + 1);
}
