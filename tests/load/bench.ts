/**
 * Measures this server beside others: `deno task bench`, or
 * `deno run -A tests/load/bench.ts [options]`. See README.md in this folder.
 *
 * All servers get the same stamped frames and the same client, one after another in each round. The
 * processes of the server run on one core, the client on another. Linux only; needs cc, ffmpeg and
 * taskset; measures ustreamer if it is installed.
 *
 *   --quick          one short round, without the search for the maximum number of viewers
 *   --rounds N       number of rounds, of which the median and the range are printed (5; 3 for
 *                    recording and pixels)
 *   --seconds N      duration of each measurement (5)
 *   --only TEXT      only measurements with this in their name, as "200 viewers", "16 cameras" or
 *                    "start"; repeatable
 *   --without NAME   leaves a server out; repeatable
 *   --deno-run       also this server started without Deno's task runner
 *   --build FOLDER   also another version of this server, started with `deno task start` in its
 *                    folder; repeatable
 *   --peer TEXT      another server: its name, the path of its stream and its command; repeatable
 *
 * Example: --peer 'mjpg-streamer /?action=stream LD_PRELOAD={v4l2} mjpg_streamer
 *   -i "input_uvc.so -r {width}x{height} -f {fps}" -o "output_http.so -p {port}"'
 */
import { parseArgs } from "node:util";
import { CHROMIUM } from "../browser.ts";
import { networking } from "../nats/network.ts";
import { isInstalled } from "../parts.ts";
import {
  build,
  type Contestant,
  dinocam,
  dinocamWithoutTask,
  floor,
  peer,
  ustreamer,
} from "./contestants.ts";
import { benchEdges } from "./edges.ts";
import { ALONE, type Measurement, measurements } from "./measurements.ts";
import { benchPixels } from "./pixels.ts";
import { benchRecording } from "./recording.ts";
import { type Cores, type Load, measure, type Result } from "./run.ts";
import { measureStart } from "./start_up.ts";
import { type Line, median, writeTable } from "./table.ts";
import { makeTools, type Tools } from "./tools.ts";

/** Frame rate of the median viewer that counts as 30 fps. */
const FULL_RATE = 29;

/** Name of the measurement of the time that a start takes. */
const START = "start: command to the first byte of the page, ms";

/** Number of starts in each round, of which the median counts. */
const STARTS = 7;

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    seconds: { type: "string" },
    only: { type: "string", multiple: true, default: [] },
    "deno-run": { type: "boolean", default: false },
    build: { type: "string", multiple: true, default: [] },
    peer: { type: "string", multiple: true, default: [] },
    without: { type: "string", multiple: true, default: [] },
  },
});
const seconds = Number(options.seconds ?? (options.quick ? 3 : 5));
const rounds = Number(options.rounds ?? (options.quick ? 1 : 5));
/** Number of rounds of recording and pixels, which take longer. */
const longRounds = Number(options.rounds ?? (options.quick ? 1 : 3));
const tools = await makeTools(new URL("../../.tmp/load", import.meta.url).pathname);
const cores = await twoCores();
const contestants = await allContestants(tools);
/** Faults of servers: frames sent twice, out of order or corrupt, and broken connections. */
const faults: string[] = [];

console.log(await describeMachine());
const lines: Line[] = [];
const alone = new Map<Contestant, Result>();
for (const one of measurements(seconds)) {
  if (isWanted(one.name)) lines.push(...await carryOut(one));
}
if (isWanted(START)) lines.push(await compareStarts());
if (!options.quick && isWanted("maximum number of viewers")) lines.push(await compareMaxViewers());
if (lines.length > 0) {
  console.log(`\n${writeTable(contestants.map(({ name }) => name), lines)}\n`);
  console.log(
    faults.length > 0
      ? faults.join("\n")
      : "No server sent a frame twice, out of order or corrupt, and no connection broke.",
  );
}
if (isWanted("recording")) {
  console.log(
    `\n${await benchRecording({
      tools,
      cores,
      seconds,
      rounds: longRounds,
      quick: options.quick,
    })}`,
  );
}
if (isWanted("pixels")) {
  console.log(`\n${await benchPixels({ tools, cores, seconds, rounds: longRounds })}`);
}

if (isWanted("sizes")) {
  const isPossible = isInstalled(CHROMIUM) && !networking().ignore;
  console.log(
    isPossible ? `\n${await benchSizes()}` : "sizes: not measured, as Chromium or root is missing",
  );
}

if (isWanted("edges")) {
  const isPossible = cores && isInstalled("nats-server");
  console.log(
    isPossible
      ? `\n${await benchEdges({ tools, seconds, quick: options.quick })}`
      : "edges: not measured, as nats-server, taskset or a second core is missing",
  );
}

function isWanted(name: string): boolean {
  return options.only.length === 0 || options.only.some((text) => name.includes(text));
}

/** Measures in browsers. It has a process of its own, on all cores. */
async function benchSizes(): Promise<string> {
  const script = new URL("sizes.ts", import.meta.url).pathname;
  const parts = options.quick ? ["page", "phone"] : ["page", "phone", "links"];
  const unpin = cores ? ["taskset", "-c", `${cores.server},${cores.client}`] : [];
  const lines: string[] = [];
  for (const part of parts) {
    const command = [...unpin, Deno.execPath(), "run", "-q", "-A", script, "--only", part];
    lines.push(
      await output(command[0]!, command.slice(1)) ?? `${part}: not measured, as it failed`,
    );
  }
  return lines.join("\n");
}

async function allContestants(tools: Tools): Promise<Contestant[]> {
  const all = [dinocam()];
  if (options["deno-run"]) all.push(await dinocamWithoutTask());
  for (const folder of options.build) all.push(build(folder, await versionOf(folder)));
  const version = await output("ustreamer", ["--version"]);
  if (version) all.push(ustreamer(tools, version));
  all.push(...options.peer.map((text) => peer(tools, text)), floor(tools));
  return all.filter(({ name }) => !options.without.some((left) => name.includes(left)));
}

/** Returns the commit of another version of this server, or the name of its folder. */
async function versionOf(folder: string): Promise<string> {
  return await output("git", ["-C", folder, "rev-parse", "--short", "HEAD"]) ??
    folder.split("/").findLast((part) => part !== "")!;
}

async function carryOut({ name, load, once, rows }: Measurement): Promise<Line[]> {
  const results = new Map<Contestant, Result[]>(contestants.map((one) => [one, []]));
  for (let round = 0; round < (once ? 1 : rounds); round++) {
    for (const contestant of contestants) {
      if (load.cameras && !contestant.cameraPath) continue; // it can only have one camera
      const result = await measureOnce(contestant, load, name);
      if (result) results.get(contestant)!.push(result);
      if (result && name === ALONE) alone.set(contestant, result);
    }
  }
  return rows.map((row) => ({
    ...row,
    name: `${name}: ${row.name}`,
    figures: contestants.map((contestant) =>
      results.get(contestant)!.map((result) => row.of(result, alone.get(contestant)))
    ),
  }));
}

async function measureOnce(contestant: Contestant, load: Load, name: string) {
  try {
    const result = await measure(contestant, load, { tools, cores });
    const { dup, out_of_order, corrupt, dead, answered } = result;
    const unanswered = load.viewers - answered;
    const counts = Object.entries({ dup, out_of_order, corrupt, dead, unanswered })
      .filter(([, count]) => count > 0).map(([fault, count]) => `${count} ${fault}`);
    if (counts.length > 0) faults.push(`${name}, ${contestant.name}: ${counts.join(", ")}`);
    console.error(`${name}, ${contestant.name}: ${summary(result)}`);
    return result;
  } catch (error) {
    faults.push(`${name}: ${(error as Error).message}`);
  }
}

function summary(
  { fps_med = 0, cpu, perFrame = 0, lat_p50_ms = 0, lat_p99_ms = 0, memory }: Result,
) {
  return `${fps_med} fps, ${cpu.toFixed(1)} %, ${(perFrame * 1000).toFixed(1)} µs, ` +
    `${lat_p50_ms}/${lat_p99_ms} ms, ${(memory / 1e6).toFixed(0)} MB`;
}

async function compareStarts(): Promise<Line> {
  const figures = new Map(contestants.map((one) => [one, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const contestant of contestants.filter(({ hasPage }) => hasPage)) {
      const took = await measureStarts(contestant);
      if (took !== undefined) figures.get(contestant)!.push(took);
    }
  }
  return { name: START, figures: [...figures.values()], digits: 0 };
}

async function measureStarts(contestant: Contestant): Promise<number | undefined> {
  try {
    const all: number[] = [];
    while (all.length < STARTS) all.push(await measureStart(contestant, { tools, cores }));
    console.error(`start, ${contestant.name}: ${all.map((ms) => ms.toFixed(0)).join(" ")} ms`);
    return median(all);
  } catch (error) {
    faults.push(`start: ${(error as Error).message}`);
  }
}

async function compareMaxViewers(): Promise<Line> {
  const figures = [];
  for (const contestant of contestants) figures.push(await findMaxViewers(contestant));
  return {
    name: "maximum number of viewers at 720p30 (median viewer: 29 fps)",
    figures,
    digits: 0,
  };
}

/**
 * Finds the maximum number of viewers: multiplies by 1.3 until the server fails, then halves the
 * interval twice. Repeats a failed measurement once.
 */
async function findMaxViewers(contestant: Contestant): Promise<number> {
  const holds = async (viewers: number) => {
    const load = { height: 720, fps: 30, viewers, seconds: 4, warmup: 4, headsOnly: true } as const;
    const attempt = async () =>
      (await measureOnce(contestant, load, `${viewers} viewers`))?.fps_med ?? 0;
    return await attempt() >= FULL_RATE || await attempt() >= FULL_RATE;
  };
  let [good, bad] = [0, 200];
  while (await holds(bad)) [good, bad] = [bad, Math.round(bad * 1.3)];
  for (let halving = 0; halving < 2; halving++) {
    const middle = Math.round((good + bad) / 2);
    if (await holds(middle)) good = middle;
    else bad = middle;
  }
  return good;
}

/** Assigns one core to the server and one to everything else, including this process. */
async function twoCores(): Promise<Cores> {
  if (navigator.hardwareConcurrency < 2 || !await output("taskset", ["--version"])) {
    return undefined;
  }
  await output("taskset", ["-a", "-c", "-p", "1", `${Deno.pid}`]);
  return { server: 0, client: 1 };
}

async function describeMachine(): Promise<string> {
  const info = await Deno.readTextFile("/proc/cpuinfo");
  const model = /^model name\s*:\s*(.+)$/m.exec(info)?.[1] ?? Deno.build.arch;
  const pinned = cores ? "server on one core, client on another" : "nothing pinned";
  return `${
    new Date().toISOString().slice(0, 10)
  }, ${model}, ${navigator.hardwareConcurrency} cores, ` +
    `${Deno.build.os} ${Deno.osRelease()}, Deno ${Deno.version.deno}; ${pinned}; ` +
    `medians of ${rounds} round${rounds === 1 ? "" : "s"} of ${seconds} s. ` +
    "In brackets: range of the rounds, and ratio to the first column.";
}

/** Returns the output of a program; undefined if it is not installed or fails. */
async function output(program: string, args: string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command(program, { args }).output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined;
  }
}
