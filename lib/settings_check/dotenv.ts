/** An assignment in a `.env` file. */
const ASSIGNMENT = /^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=/gm;

/** Returns the names of the variables that a `.env` file sets. */
export function variablesOf(dotenv: string): string[] {
  return [...new Set([...dotenv.matchAll(ASSIGNMENT)].map(([, name]) => name!))];
}
