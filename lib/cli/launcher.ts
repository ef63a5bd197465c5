/** How the user starts the program, for messages that say what to type. */
export interface Launcher {
  readonly os: typeof Deno.build.os;
  /** Whether it is the compiled binary. */
  readonly standalone: boolean;
  /** Whether Deno was started by npx. */
  readonly npx: boolean;
}

/** Returns how this process was started. Needs no permission. */
export function currentLauncher(): Launcher {
  const { os, standalone } = Deno.build;
  const mayRead = Deno.permissions.querySync({ name: "env", variable: "npm_command" });
  const npx = mayRead.state === "granted" && Deno.env.get("npm_command") === "exec";
  return { os, standalone, npx };
}

/**
 * Returns the command line of a task: `deno task start`, or `./dinocam` for the compiled binary.
 */
export function commandLine(task: string, { standalone, npx }: Launcher): string {
  if (!standalone) return `${npx ? "npx " : ""}deno task ${task}`;
  if (task === "start") return "./dinocam";
  return `./dinocam ${task === "list-cameras" ? "--list-cameras" : task}`;
}

/** A variable and its value. */
export type Assignment = readonly [name: string, value: string];

/**
 * Returns the command line that sets variables for a task, for the shells of the operating system.
 */
export function withVariables(
  assignments: readonly Assignment[],
  task: string,
  launcher: Launcher,
): string {
  const command = commandLine(task, launcher);
  if (launcher.os !== "windows") {
    return [...assignments.map(([name, value]) => `${name}=${quoteForSh(value)}`), command]
      .join(" ");
  }
  const powerShell = assignments.map(([name, value]) =>
    `$env:${name}=${quoteForPowerShell(value)}`
  );
  const cmd = assignments.map(([name, value]) => `set ${name}=${value}`);
  return `${[...powerShell, command].join("; ")} (PowerShell), or ` +
    `${[...cmd, command].join("&& ")} (cmd)`;
}

/** Returns the command line that reads the variables from the file `.env`. */
export function withDotenv(task: "start" | "doctor", launcher: Launcher): string {
  return launcher.standalone
    ? `set -a; . ./.env; set +a; ${commandLine(task, launcher)}`
    : commandLine(`${task}:env`, launcher);
}

function quoteForSh(value: string): string {
  return /^[\w./:@+,=%…-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

function quoteForPowerShell(value: string): string {
  return /^[^"$`]*$/.test(value) ? `"${value}"` : `'${value.replaceAll("'", "''")}'`;
}
