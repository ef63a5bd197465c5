/**
 * Clients of the live protocol in a process of their own: `live_clients.ts URL COUNT`. Each line of
 * the standard input is a command: `listen`, `stop`, `reset`, or `report`, which prints a
 * {@link LiveReport} as a line of JSON.
 */
import { readLines } from "./text_lines.ts";
import { LiveClient, type Reception } from "./live_client.ts";
import { percentile } from "../faults/figures.ts";

/** What all clients have received since the last `reset`. */
export interface LiveReport {
  readonly frames: ReceptionReport;
  readonly sound: ReceptionReport;
}

/** The messages of one kind that all clients have received. */
export interface ReceptionReport {
  readonly count: number;
  readonly missing: number;
  readonly bytes: number;
  /** Ages on arrival, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

if (import.meta.main) {
  const [url, count] = Deno.args;
  const clients = await Promise.all(
    Array.from({ length: Number(count) }, () => LiveClient.open(url!, ["front"])),
  );
  const run: Record<string, () => void> = {
    listen: () => clients.forEach((client) => client.listen(["front"])),
    stop: () => clients.forEach((client) => client.listen([])),
    reset: () => clients.forEach((client) => client.reset()),
    report: () => {
      const frames = sum(clients.map(({ frames }) => frames));
      const sound = sum(clients.map(({ sound }) => sound));
      console.log(JSON.stringify({ frames, sound } satisfies LiveReport));
    },
  };
  console.log("connected");
  for await (const line of readLines(Deno.stdin.readable)) run[line]!();
  for (const client of clients) await client[Symbol.asyncDispose]();
}

function sum(receptions: readonly Reception[]): ReceptionReport {
  const ages = receptions.flatMap(({ ages }) => ages);
  return {
    count: ages.length,
    missing: receptions.reduce((sum, { missing }) => sum + missing, 0),
    bytes: receptions.reduce((sum, { bytes }) => sum + bytes, 0),
    p50: percentile(ages, 0.5),
    p99: percentile(ages, 0.99),
  };
}
