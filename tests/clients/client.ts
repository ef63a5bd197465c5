import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { settlesWithin } from "../../lib/clock.ts";
import type { Jpeg } from "../../lib/frame.ts";
import { needing, PYTHON } from "../parts.ts";
import { FAKES, Server } from "../server.ts";

interface Row {
  client: string;
  behaviour: string;
  figure: string;
}

const rows: Row[] = [];

/** What a client's test found: the figure that matters, for the table. */
export type Figure = string;

/**
 * Declares what one client does with the server, as a test and as a row of the table.
 *
 * @param behaviour What the client needs, in words.
 * @param programs What must be installed, besides what the camera needs.
 */
export function client(
  name: string,
  behaviour: string,
  programs: readonly string[],
  check: () => Promise<Figure>,
): void {
  Deno.test(`${name}: ${behaviour}`, needing(PYTHON, ...programs), () => {
    return fill(name, behaviour, check);
  });
}

/** Several rows of one client that is slow to start: each is a step of one test. */
export function clientInSteps(
  name: string,
  programs: readonly string[],
  steps: (
    does: (behaviour: string, check: () => Promise<Figure>) => Promise<void>,
  ) => Promise<void>,
): void {
  Deno.test(name, needing(PYTHON, ...programs), (t) =>
    steps(async (behaviour, check) => {
      await t.step(behaviour, () => fill(name, behaviour, check));
    }));
}

async function fill(client: string, behaviour: string, check: () => Promise<Figure>) {
  const row = { client, behaviour, figure: "FAILED" };
  rows.push(row);
  row.figure = await check();
}

/** Prints what each client did. */
export function printTable(): void {
  const wide = (of: (row: Row) => string) => Math.max(0, ...rows.map((row) => of(row).length));
  const [first, second] = [wide((row) => row.client), wide((row) => row.behaviour)];
  const lines = rows.map(({ client, behaviour, figure }) =>
    `${client.padEnd(first)}  ${behaviour.padEnd(second)}  ${figure}`
  );
  console.log(["", ...lines].join("\n"));
}

/** How many frames a second the camera gives in these tests, unless one says otherwise. */
export const FPS = 10;

/**
 * A server with the stand-in camera of a Pi: each picture shows its own number and time, and says them in a
 * comment too. See tests/fakes/README.md.
 */
export function serveCamera(env: Record<string, string> = {}): Promise<Server> {
  return Server.start({
    env: {
      CAMERA: "pi",
      PATH: `${FAKES}:${Deno.env.get("PATH")}`,
      FPS: `${FPS}`,
      WIDTH: "640",
      HEIGHT: "480",
      FAKE_CAMERA_COMMENT: "1",
      ...env,
    },
  });
}

/** How a program ended. */
export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** In milliseconds. */
  readonly took: number;
}

/** What {@link run} can be told. */
interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** It is asked to end after this time, in milliseconds, and forced to 5 s later. */
  ms?: number;
}

/** Runs a program to its end. */
export async function run(
  program: string,
  args: readonly string[],
  { cwd, env, ms = 30_000 }: RunOptions = {},
): Promise<Run> {
  const begun = performance.now();
  const child = new Deno.Command(program, {
    args: [...args],
    cwd,
    env: { LC_ALL: "C.UTF-8", NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  if (!await settlesWithin(child.status, ms)) {
    kill(child, "SIGINT");
    if (!await settlesWithin(child.status, 5_000)) kill(child, "SIGKILL");
  }
  const { code, stdout, stderr } = await output;
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr), took: performance.now() - begun };
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // it has just ended
  }
}

/** Gives a folder to `use` and removes it afterwards. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    return await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The number that the stand-in camera wrote into a picture's comment. */
export function numberOf(jpeg: Jpeg): number {
  const text = new TextDecoder("latin1").decode(jpeg.subarray(0, 2_000));
  return Number(/fake n=(\d+) /.exec(text)?.[1] ?? NaN);
}

/** A busy machine may keep a reader from reading for half a second; one that loses frames loses more. */
export const STALLED = FPS / 2;

/** Checks that pictures are whole and in order, and that none is missing but for a busy machine. */
export function assertWhole(jpegs: readonly Jpeg[]): void {
  for (const jpeg of jpegs) {
    assertEquals([jpeg[0], jpeg[1], jpeg.at(-2), jpeg.at(-1)], [0xff, 0xd8, 0xff, 0xd9]);
  }
  assertInOrder(jpegs.map(numberOf), STALLED);
}

/** Checks that no frame is missing, and none comes twice. `skipped`: how many may be missing. */
export function assertInOrder(numbers: readonly number[], skipped = 0): void {
  assert(numbers.length > 0, "no frames");
  for (const [i, number] of numbers.entries()) {
    assert(i === 0 || number > numbers[i - 1]!, `Out of order: ${numbers}`);
  }
  const missing = numbers.at(-1)! - numbers[0]! - (numbers.length - 1);
  assertLessOrEqual(missing, skipped, `Missing: ${numbers}`);
}

/** The middle one. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/** A time for the table. */
export function inMs(time: number): string {
  return `${Math.round(time)} ms`;
}

/** How many viewers the server has. */
export async function viewersOf(server: Server): Promise<number> {
  const [camera] = await (await fetch(`${server.url}/cameras`)).json();
  return camera.viewers;
}
