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

/** The most important figure of a client's test, for the table. */
export type Figure = string;

/**
 * Declares a test of one client, which is also a row of the table.
 *
 * @param behaviour A verb phrase, as the rest of a sentence that begins with the client's name.
 * @param programs Programs that must be installed, besides those that the camera needs.
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

/** Declares several rows of one client that is slow to start: each is a step of one test. */
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

/** Prints the table of all clients. */
export function printTable(): void {
  const widthOf = (of: (row: Row) => string) => Math.max(0, ...rows.map((row) => of(row).length));
  const [first, second] = [widthOf((row) => row.client), widthOf((row) => row.behaviour)];
  const lines = rows.map(({ client, behaviour, figure }) =>
    `${client.padEnd(first)}  ${behaviour.padEnd(second)}  ${figure}`
  );
  console.log(["", ...lines].join("\n"));
}

/** Default frame rate of the camera in these tests. */
export const FPS = 10;

/**
 * Starts a server with the stand-in for the Raspberry Pi's camera. Each picture contains its
 * sequence number and time, as a pattern and in a JPEG comment; see tests/fakes/README.md.
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

/** The result of a program. */
export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Run time, in milliseconds. */
  readonly took: number;
}

/** Options of {@link run}. */
interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Time until SIGINT, in milliseconds; SIGKILL follows 5 s later. */
  ms?: number;
}

/** Runs a program and waits for its exit. */
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
    // it has just exited
  }
}

/** Calls `use` with a temporary folder and removes the folder afterwards. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    return await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Returns the sequence number that the stand-in camera wrote into a picture's comment. */
export function numberOf(jpeg: Jpeg): number {
  const text = new TextDecoder("latin1").decode(jpeg.subarray(0, 2_000));
  return Number(/fake n=(\d+) /.exec(text)?.[1] ?? NaN);
}

/** Number of frames that may be missing: a busy machine may delay a reader by half a second. */
export const STALLED = FPS / 2;

/**
 * Asserts that pictures are complete and in order, and that at most {@link STALLED} are missing.
 */
export function assertWhole(jpegs: readonly Jpeg[]): void {
  for (const jpeg of jpegs) {
    assertEquals([jpeg[0], jpeg[1], jpeg.at(-2), jpeg.at(-1)], [0xff, 0xd8, 0xff, 0xd9]);
  }
  assertInOrder(jpegs.map(numberOf), STALLED);
}

/** Asserts that sequence numbers increase, and that at most `skipped` are missing. */
export function assertInOrder(numbers: readonly number[], skipped = 0): void {
  assert(numbers.length > 0, "no frames");
  for (const [i, number] of numbers.entries()) {
    assert(i === 0 || number > numbers[i - 1]!, `Out of order: ${numbers}`);
  }
  const missing = numbers.at(-1)! - numbers[0]! - (numbers.length - 1);
  assertLessOrEqual(missing, skipped, `Missing: ${numbers}`);
}

/** Returns the median, of an even number of values the upper one. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/** Formats a time for the table. */
export function inMs(time: number): string {
  return `${Math.round(time)} ms`;
}

/** Returns the number of viewers of the first camera. */
export async function viewersOf(server: Server): Promise<number> {
  const [camera] = await (await fetch(`${server.url}/cameras`)).json();
  return camera.viewers;
}

/** Debian's OpenCV module, for any version of Python. */
export const CV2 = [...listFolder("/usr/lib/python3/dist-packages")]
  .find((file) => /\/cv2\..*\.so$/.test(file)) ?? "/usr/lib/python3/dist-packages/cv2.so";

/** Returns a command that runs as an ordinary user: VLC refuses to run as root. */
export function asUser(command: readonly string[]): readonly string[] {
  if (Deno.uid() !== 0) return command;
  return ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", ...command];
}

function* listFolder(folder: string): Generator<string> {
  try {
    for (const { name } of Deno.readDirSync(folder)) yield `${folder}/${name}`;
  } catch {
    // no such folder
  }
}
