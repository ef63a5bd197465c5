/**
 * The soak test: `deno task test:soak`. Viewers come and go all the time, and it prints every minute
 * what the server uses. It fails if resident memory, the heap without garbage, descriptors or
 * threads grow after the first third of the time.
 *
 * Environment variables:
 *
 * - `SOAK_MINUTES`: duration (10), at least 1
 *
 * @module
 */
import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { figure, rounded } from "../faults/figures.ts";
import { pause } from "../faults/viewer.ts";
import { leftOut, needing, PYTHON } from "../parts.ts";
import { Random } from "../random.ts";
import { eventually, Server } from "../server.ts";
import { standIn } from "../stand_in.ts";
import { Inspector } from "./inspector.ts";
import { grown, growth, medians, type Resources, resourcesOf, windowsOf } from "./resources.ts";
import { CAMERAS, Clients } from "./clients.ts";

/** Time between two samples, in milliseconds. */
const INTERVAL = 1_000;

/** Number of samples between two lines of output: a minute. */
const LINE = 60_000 / INTERVAL;

/** Time for which clients come and go before the idle server is measured, in milliseconds. */
const WARMUP = 20_000;

/** Largest growth of the heap after garbage collections, as a share of it. */
const HEAP_GROWTH = 0.1;

/** Least number of starts of camera programs in a minute. */
const MIN_STARTS = 4;

const minutes = Number(Deno.env.get("SOAK_MINUTES") || 10);
if (!(minutes >= 1)) {
  throw new Error(`SOAK_MINUTES must be at least 1: current value is ${minutes}`);
}

const ENVIRONMENT = standIn({
  CAMERA: CAMERAS.map((name) => `${name}=pi`).join(),
  BACK_SOURCE: "1",
  FPS: "30",
  IDLE_SECONDS: "1",
  FAKE_CAMERA_CAMERAS: `${CAMERAS.length}`,
  FAKE_CAMERA_COMMENT: "1",
  FAKE_CAMERA_SIZE: "100000",
  FAKE_CAMERA_DIE_AFTER: "900", // 30 s
});

Deno.test(
  `memory, heap, descriptors and threads do not grow in ${minutes} min of viewers that come and go`,
  Deno.build.os === "linux" ? needing(PYTHON) : leftOut("Linux"),
  async () => {
    const command = [Deno.execPath(), "run", "--inspect=127.0.0.1:0", "-A", "main.ts"];
    await using server = await Server.start({ command, env: ENVIRONMENT });
    const random = new Random(17);
    await withClients(server, random, () => pause(WARMUP));
    const idleBefore = await idle(server);
    figure("at rest, before", await describe(idleBefore, server));

    const samples: Resources[] = [];
    const heaps: number[] = [];
    const end = Math.round(minutes * 60_000 / INTERVAL);
    const { first, last } = windowsOf(end);
    const clients = await withClients(server, random, async () => {
      while (samples.length < end) {
        await pause(INTERVAL);
        samples.push(resourcesOf(server.pid));
        if (samples.length % LINE === 0) {
          const recent = medians(samples.slice(-LINE));
          figure(`minute ${samples.length / LINE}`, await describe(recent, server));
        }
        // Both windows begin with a collection, which reduces resident memory.
        if ([first, last].includes(samples.length)) heaps.push(await heapInUse(server));
      }
    });
    const idleAfter = await idle(server);

    const [heapBefore, heapAfter] = heaps as [number, number];
    figure("at rest, after", await describe(idleAfter, server));
    figure(
      "heap without garbage after a third, and after five sixths of the time",
      `${inMegabytes(heapBefore)} and ${inMegabytes(heapAfter)} MB`,
    );
    figure("sessions", [...clients.counts].map(([name, count]) => `${name} ${count}`).join(", "));
    const starts = server.output.match(/camera (started|recovered)/g)?.length ?? 0;
    figure("starts of camera programs", starts);
    assertEquals(clients.failures, []);
    assertGreater(starts, minutes * MIN_STARTS);
    assertEquals(growth(samples), []);
    assertLess(heapAfter, heapBefore * (1 + HEAP_GROWTH));
    const { descriptors, threads } = idleAfter;
    assertEquals(grown(idleBefore, { ...idleBefore, descriptors, threads }), []);
    assertEquals((await server.stop()).code, 0);
  },
);

/** Lets viewers come and go while `body` runs. */
async function withClients(
  server: Server,
  random: Random,
  body: () => Promise<void>,
): Promise<Clients> {
  await using clients = new Clients(server.url, random);
  await body();
  return clients;
}

/** Waits until the camera programs have ended, and returns the resources of the server. */
async function idle(server: Server): Promise<Resources> {
  await eventually("the captures stop", () => resourcesOf(server.pid).children === 0, 15_000);
  await pause(2_000);
  return resourcesOf(server.pid);
}

/** Returns the size of the heap after a garbage collection, in bytes. */
async function heapInUse(server: Server): Promise<number> {
  await using inspector = await Inspector.open(server.output);
  await inspector.collectGarbage();
  return await inspector.heapUsed();
}

/** Describes resources, and the heap of the server as it is now. */
async function describe(resources: Resources, server: Server): Promise<string> {
  await using inspector = await Inspector.open(server.output);
  const { memory, anonymous, descriptors, threads, children } = resources;
  return `${rounded(memory)} MB resident, ${rounded(anonymous)} of it not backed by files, ` +
    `heap ${inMegabytes(await inspector.heapUsed())} MB, ${descriptors} descriptors, ` +
    `${threads} threads, ${children} child processes`;
}

function inMegabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
