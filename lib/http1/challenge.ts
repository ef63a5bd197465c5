/** A challenge of a `WWW-Authenticate` field. */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  /** By name in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const SEPARATORS = /[\s,]*/y;
const TOKEN = /[^\s,="]+/y;
const EQUALS = /\s*=\s*/y;
const QUOTED = /"((?:[^"\\]|\\[\s\S])*)"?/y;
const UNQUOTED = /[^,]*/y;
/** Base64 data instead of parameters, as in NTLM and Negotiate. */
const TOKEN68 = /[ \t]+[A-Za-z0-9\-._~+/]+=*[ \t]*(?=,|$)/y;

/**
 * Parses the values of `WWW-Authenticate` fields, each of which may contain several challenges.
 * Tolerates missing commas after quoted values, unquoted values with spaces, and a missing
 * quotation mark at the end.
 */
export function parseChallenges(values: readonly string[]): Challenge[] {
  return values.flatMap(parseValue);
}

function parseValue(text: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) at = pattern.lastIndex;
    return match;
  };
  for (take(SEPARATORS); at < text.length; take(SEPARATORS)) {
    const name = take(TOKEN)?.[0].toLowerCase();
    if (!name) at++; // a stray character
    else if (take(EQUALS)) {
      const quoted = take(QUOTED);
      const value = quoted ? quoted[1]!.replaceAll(/\\([\s\S])/g, "$1") : take(UNQUOTED)![0].trim();
      const parameters = challenges.at(-1)?.parameters;
      if (parameters && !parameters.has(name)) parameters.set(name, value);
    } else {
      challenges.push({ scheme: name, parameters: new Map() });
      take(TOKEN68);
    }
  }
  return challenges;
}
