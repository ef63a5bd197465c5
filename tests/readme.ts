import { ROOT } from "./server.ts";

/** The text of README.md. */
export const README = await Deno.readTextFile(new URL("README.md", ROOT));

/** Returns the indented code blocks under a heading of the README, without their indentation. */
export function codeBlocks(heading: string): string[] {
  const [, section = ""] = new RegExp(`^## ${heading}$([^]*?)^#{1,2} `, "m").exec(README) ?? [];
  return [...section.matchAll(/^(?: {4}.*\n)+(?:\n*(?: {4}.*\n)+)*/gm)]
    .map(([block]) => block.trimEnd().replace(/^ {4}/gm, ""));
}
