/**
 * The long checks of origins, a hub and edges, in network namespaces, with a real nats-server:
 * `deno task test:nats`. They print figures, beside those of HTTP relays on the same links, and a
 * table at the end.
 *
 * Environment variables:
 *
 * - `NATS_PARTS`: names of the parts to run, with commas. By default all: `removal`, `uplink`,
 *   `thin`, `thinnest`, `long`, `idle`, `faults`, `stalled`, `abuse`, `appearing`, `many`
 * - `NATS_FAULTS`: words, with commas: only the faults whose names contain one of them
 * - `NATS_SECONDS`: duration of each measurement of a link (20)
 * - `NATS_MINUTES`: duration of the part `many` (10)
 * - `NATS_PRIORITY`: `realtime` runs everything with real-time priority, for a machine that does
 *   other work, too; not for `many`, whose processes would wait for each other's time slices
 *
 * @module
 */
import { checkGarbage, checkTooLarge, checkTwoOrigins } from "./abuse.ts";
import { checkAppearing } from "./appearing.ts";
import { checkFault, checkStalledEdge, FAULTS } from "./faults.ts";
import { checkIdle, checkLongWay, checkThinEdge, checkThinnestEdge, checkUplink } from "./links.ts";
import { checkMany } from "./many.ts";
import { leftOut } from "../parts.ts";
import { networking, runProgram } from "./network.ts";
import { checkRemoval } from "./network_check.ts";
import { Results } from "./results.ts";

const begun = Date.now();
const results = new Results();
const seconds = Number(Deno.env.get("NATS_SECONDS") || 20);
const PARTS = [
  ...["removal", "uplink", "thin", "thinnest", "long", "idle", "faults", "stalled", "abuse"],
  ...["appearing", "many"],
] as const;
const parts = Deno.env.get("NATS_PARTS")?.split(",") ?? PARTS;
const unknown = parts.filter((name) => !(PARTS as readonly string[]).includes(name));
if (unknown.length > 0) throw new Error(`NATS_PARTS: unknown are ${unknown}; known are ${PARTS}`);

/** Returns options of a test of a part. */
function part(name: typeof PARTS[number]): { ignore: boolean } {
  return parts.includes(name) ? networking("nats-server") : leftOut(`${name} in NATS_PARTS`);
}

if (Deno.env.get("NATS_PRIORITY") === "realtime") {
  // All threads of this process; what they start inherits it.
  await runProgram("chrt", "-a", "-r", "-p", "1", `${Deno.pid}`);
}

for (const signal of ["SIGINT", "SIGKILL"] as const) {
  Deno.test(
    `a network is removed with its process after ${signal}`,
    part("removal"),
    () => checkRemoval(signal),
  );
}
Deno.test(
  "three edges share a thin uplink",
  part("uplink"),
  () => checkUplink(results, seconds),
);
Deno.test(
  "an edge on a thin link does not slow the others down",
  part("thin"),
  () => checkThinEdge(results, seconds),
);
Deno.test(
  "an edge on a very thin link receives frame after frame",
  part("thinnest"),
  () => checkThinnestEdge(results),
);
Deno.test(
  "a camera far away has its frame rate",
  part("long"),
  () => checkLongWay(results, seconds),
);
Deno.test(
  "a camera is off while nobody watches",
  part("idle"),
  () => checkIdle(results, seconds),
);

const words = Deno.env.get("NATS_FAULTS")?.split(",");
for (const fault of FAULTS.filter(({ name }) => !words || words.some((w) => name.includes(w)))) {
  Deno.test(
    `viewers see nothing old after a fault: ${fault.name}`,
    part("faults"),
    () => checkFault(results, fault),
  );
}
Deno.test(
  "an edge that stalls for a minute is no burden",
  part("stalled"),
  () => checkStalledEdge(results, 60),
);

Deno.test(
  "frames above max_payload are counted, and harm no other camera",
  part("abuse"),
  () => checkTooLarge(results),
);
Deno.test("garbage harms neither origins nor edges", part("abuse"), () => checkGarbage(results));
Deno.test("an edge keeps the origin that it has", part("abuse"), () => checkTwoOrigins(results));
Deno.test(
  "cameras appear and disappear with their origins",
  part("appearing"),
  () => checkAppearing(results),
);

const minutes = Number(Deno.env.get("NATS_MINUTES") || 10);
Deno.test(
  `nothing grows in ${minutes} minutes with 16 edges of 4 cameras`,
  part("many"),
  () => checkMany(results, minutes),
);

globalThis.addEventListener("unload", () => {
  const table = results.table();
  if (table) console.log(`\n${table}\n\nTotal time: ${Math.round((Date.now() - begun) / 1_000)} s`);
});
