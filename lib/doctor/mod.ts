import type { FoundCamera, Images } from "../camera/driver.ts";
import { CameraError, explain } from "../errors.ts";
import { sizeOf } from "../jpeg/segments.ts";
import { checkSystem } from "./system.ts";
import { checkPrograms } from "./programs.ts";

/** One thing that the doctor has looked at. */
export interface Finding {
  /** `note`: fine as long as nobody needs it. */
  readonly verdict: "ok" | "note" | "problem";
  /** What was found, in one line. */
  readonly text: string;
  /** What a person can do about it. */
  readonly advice?: string;
}

/** A camera that the settings ask for. */
export interface CameraUnderTest {
  readonly name: string;
  readonly driver: string;
  open(signal: AbortSignal): Images;
}

/** A kind of camera that can look for its cameras. */
export interface Lister {
  readonly driver: string;
  list(signal: AbortSignal): Promise<readonly FoundCamera[]>;
}

/** What the doctor looks at, besides the machine. */
export interface DoctorOptions {
  readonly host: string;
  readonly port: number;
  readonly cameras: readonly CameraUnderTest[];
  readonly listers: readonly Lister[];
}

/** How long a camera may take for its first picture, in milliseconds. */
const FIRST_FRAME_TIMEOUT = 15_000;

/** Looks at the machine and at the cameras of the settings, and says what it finds as it finds it. */
export async function* runChecks(
  patient: DoctorOptions,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  const used = new Set(patient.cameras.map(({ driver }) => driver));
  yield* checkSystem(used, signal);
  yield* checkPrograms(used, signal);
  for (const lister of patient.listers) yield* await checkCameras(lister, signal);
  yield checkPort(patient);
  for (const camera of patient.cameras) yield await checkFirstFrame(camera, signal);
}

/** A finding in lines for people. */
export function formatFinding({ verdict, text, advice }: Finding): string {
  const line = `${verdict.padEnd(8)} ${text}`;
  return advice ? `${line}\n${" ".repeat(8)} → ${advice}` : line;
}

/** Looks for cameras, kind by kind, in lines for people. */
export async function* listCameras(
  listers: readonly Lister[],
  signal: AbortSignal,
): AsyncGenerator<string> {
  for (const { driver, list } of listers) {
    try {
      const found = await list(signal);
      for (const { source, name } of found) {
        yield `CAMERA=${driver} SOURCE=${shellQuote(source)}  ${name}`;
      }
      if (found.length === 0) yield `CAMERA=${driver}  none found`;
    } catch (error) {
      yield `CAMERA=${driver}  ${withHint(error)}`;
    }
  }
}

async function checkCameras({ driver, list }: Lister, signal: AbortSignal): Promise<Finding[]> {
  try {
    const found = await list(signal);
    if (found.length === 0) {
      return [{ verdict: "note", text: `No camera for CAMERA=${driver} was found` }];
    }
    return found.map(({ source, name }) => ({
      verdict: "ok",
      text: `Found ${name}: CAMERA=${driver} SOURCE=${shellQuote(source)}`,
    }));
  } catch {
    return []; // that a program is missing is told with the programs
  }
}

function checkPort({ host, port }: DoctorOptions): Finding {
  try {
    Deno.listen({ hostname: host, port }).close();
    return { verdict: "ok", text: `Port ${port} is free on ${host}` };
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) {
      const advice = "it may be a server of ours; else choose another PORT";
      return { verdict: "problem", text: `Port ${port} is taken by another program`, advice };
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      const advice = "choose a PORT above 1023";
      return { verdict: "problem", text: `Port ${port} needs more rights`, advice };
    }
    return problem(`Cannot listen on ${host}, port ${port}`, error);
  }
}

async function checkFirstFrame(
  { name, driver, open }: CameraUnderTest,
  signal: AbortSignal,
): Promise<Finding> {
  const label = name === driver ? `Camera ${name}` : `Camera ${name} (${driver})`;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), FIRST_FRAME_TIMEOUT);
  const begun = performance.now();
  try {
    for await (const image of open(AbortSignal.any([signal, late.signal]))) {
      const size = sizeOf("jpeg" in image ? image.jpeg : image);
      const took = ((performance.now() - begun) / 1000).toFixed(1);
      const text =
        `${label} gives pictures: ${size?.width}x${size?.height}, the first after ${took} s`;
      return { verdict: "ok", text };
    }
    return { verdict: "problem", text: `${label} gives no picture` };
  } catch (error) {
    return problem(label, error);
  } finally {
    clearTimeout(timer);
  }
}

function problem(text: string, error: unknown): Finding {
  const advice = error instanceof CameraError ? error.hint : undefined;
  return { verdict: "problem", text: `${text}: ${explain(error)}`, advice };
}

function withHint(error: unknown): string {
  const hint = error instanceof CameraError ? error.hint : undefined;
  return hint ? `${explain(error)} (${hint})` : explain(error);
}

/** A value as a shell needs it. */
function shellQuote(value: string): string {
  return /^[\w./:@+-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
