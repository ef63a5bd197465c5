import type { Setting } from "../setting.ts";

/** Width of a line, in characters. */
const LINE_WIDTH = 100;
/** Width of the column with the names of the variables, in characters. */
const NAME_WIDTH = 15;

/** Returns the text of `--help`. */
export function usage(version: string, settings: readonly Setting[]): string {
  const perCamera = settings.filter(({ perCamera }) => perCamera).map(({ name }) => name);
  return `dinocam ${version}: a camera server

Usage: dinocam [doctor | --list-cameras | --help | --version]

Without an argument, it serves the cameras. doctor checks the machine and the cameras, and says what
is wrong and what to do; --list-cameras lists the cameras and microphones.

Settings are environment variables:
${settings.map(describe).join("\n")}

FRONT_FPS sets FPS only for the camera named front. These settings can be set for one camera:
${wrap(`${perCamera.join(", ")}.`, LINE_WIDTH).join("\n")}`;
}

/** Formats a setting: its name, and beside it the meaning and the default. */
function describe({ name, meaning, default: value, unset }: Setting): string {
  const fallback = value ?? unset;
  const text = fallback === undefined ? meaning : `${meaning} (default: ${fallback})`;
  const lines = wrap(text.replaceAll("`", ""), LINE_WIDTH - NAME_WIDTH);
  return lines.map((line, i) => `${(i === 0 ? `  ${name}` : "").padEnd(NAME_WIDTH)}${line}`)
    .join("\n");
}

function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = `${lines.at(-1)} ${word}`.trimStart();
    if (line.length <= width) lines[lines.length - 1] = line;
    else lines.push(word);
  }
  return lines;
}
