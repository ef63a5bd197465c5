/** Runs programs, and leaves no process running. */
export type { KnownError } from "./diagnostics.ts";
export { type Output, output, type OutputOptions } from "./output.ts";
export { run, type RunOptions } from "./run.ts";
export { killAll } from "./terminate.ts";
