import { LibcError, openLibc } from "../libc.ts";

const FUNCTIONS = {
  execv: { parameters: ["buffer", "buffer"], result: "i32" },
  /** Returns the address of its first argument. */
  memcpy: { parameters: ["buffer", "buffer", "usize"], result: "usize" },
} as const;

/** Signals that stop the program, to pass on to a child process. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Replaces this process by another program with the same process id, files and environment.
 * Where the C library cannot do that, runs the program as a child process, and exits with its exit
 * code.
 *
 * @param args Arguments, without null characters.
 */
export async function replaceProcess(program: string, args: readonly string[]): Promise<never> {
  try {
    exec(program, args);
  } catch (error) {
    if (!(error instanceof LibcError)) throw error;
  }
  return await runAsChild(program, args);
}

/** Calls `execv`. It returns only if it has failed. */
function exec(program: string, args: readonly string[]): void {
  const { symbols: { execv, memcpy }, close } = openLibc(FUNCTIONS);
  const strings = [program, ...args].map((text) => new TextEncoder().encode(`${text}\0`));
  const length = strings.reduce((sum, { length }) => sum + length, 0);
  const texts = new Uint8Array(length);
  const addresses = new BigUint64Array(strings.length + 1); // a null pointer is the end
  let address = memcpy(texts, texts, 0n);
  let offset = 0;
  for (const [index, string] of strings.entries()) {
    texts.set(string, offset);
    addresses[index] = address;
    address += BigInt(string.length);
    offset += string.length;
  }
  execv(strings[0]!, addresses);
  close();
}

/** Runs a program as a child process that gets the signals of this one, and exits when it exits. */
async function runAsChild(program: string, args: readonly string[]): Promise<never> {
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  for (const signal of SIGNALS) {
    // On Windows, the console sends the signal to both processes.
    Deno.addSignalListener(signal, () => Deno.build.os === "windows" || kill(child, signal));
  }
  Deno.exit((await child.status).code);
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // it has exited
  }
}
