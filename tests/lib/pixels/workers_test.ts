import { assert, assertEquals, assertFalse, assertStrictEquals } from "@std/assert";
import { hasHeadroom } from "../../../lib/bytes.ts";
import { createProcessor } from "../../../lib/pixels/processor.ts";
import type { RenderTask } from "../../../lib/pixels/task.ts";
import type { WorkerAnswer, WorkerRequest } from "../../../lib/pixels/worker_messages.ts";
import type { WorkerPort } from "../../../lib/pixels/worker_thread.ts";
import { WorkerPool } from "../../../lib/pixels/workers.ts";
import { ManualClock, settle } from "../../manual_clock.ts";
import { needing } from "../../parts.ts";
import { encode, LIBJPEG } from "./libjpeg.ts";

const TASK: RenderTask = { type: "render", height: 60, quality: undefined, overlay: undefined };
const JPEG = Uint8Array.of(0xff, 0xd8, 1, 2, 3, 0xff, 0xd9);
const SIZE = { width: 80, height: 60 };

/** A Worker that answers when the test says so. */
class FakeWorker implements WorkerPort {
  onmessage: WorkerPort["onmessage"] = null;
  onmessageerror: WorkerPort["onmessageerror"] = null;
  onerror: WorkerPort["onerror"] = null;
  readonly requests: WorkerRequest[] = [];
  isRunning = true;

  postMessage(message: unknown): void {
    assert(this.isRunning);
    this.requests.push(message as WorkerRequest);
  }

  terminate(): void {
    this.isRunning = false;
  }

  /** Answers the last request. */
  answer(result: WorkerAnswer["result"] = { jpeg: undefined, size: SIZE }): void {
    const { call } = this.requests.at(-1) as WorkerRequest & { type: "process" };
    this.onmessage!.call(this as never, new MessageEvent("message", { data: { call, result } }));
  }

  fail(message: string): void {
    const event = new ErrorEvent("error", { message, cancelable: true });
    this.onerror!.call(this as never, event);
    assert(event.defaultPrevented);
  }
}

function setUp(size = 2) {
  const clock = new ManualClock();
  const workers: FakeWorker[] = [];
  const startWorker = () => {
    const worker = new FakeWorker();
    workers.push(worker);
    return worker;
  };
  return { clock, workers, pool: new WorkerPool({ size, clock, startWorker }) };
}

Deno.test({
  name: "WorkerPool processes pictures in Workers as they are processed here",
  ...needing(...LIBJPEG),
  async fn() {
    const pool = new WorkerPool({ size: 2 });
    const jpeg = await encode({ width: 160, height: 120 });
    const before = jpeg.slice();
    const tasks = [60, 30, 15, 120].map((height): RenderTask => ({ ...TASK, height }));
    const open = tasks.map((task) => pool.open(task));
    for (let round = 0; round < 3; round++) {
      const results = await Promise.all(open.map((worker) => worker.process(jpeg, 0)));
      results.forEach((result, i) => {
        assertEquals(result, createProcessor(tasks[i]!).process(jpeg, 0));
        assert("jpeg" in result);
        if (i < 3) assert(hasHeadroom(result.jpeg));
        else assertStrictEquals(result.jpeg, jpeg);
      });
    }
    assertEquals(pool.running, 2);
    assertEquals(jpeg, before); // not transferred away
    assertEquals(await open[0]!.process(Uint8Array.of(1), 0), { refused: "damaged JPEG" });
    for (const worker of open) worker[Symbol.dispose]();
    pool.end();
    assertEquals(pool.running, 0);
  },
});

Deno.test("WorkerPool gives each task to the Worker with the fewest tasks", async () => {
  const { workers, pool } = setUp(2);
  const open = Array.from({ length: 5 }, () => pool.open(TASK));
  assertEquals(workers.length, 0); // none before the first picture
  const results = open.map((worker) => worker.process(JPEG, 0));
  const tasks = workers.map(({ requests }) =>
    requests.filter(({ type }) => type === "open").length
  );
  assertEquals(tasks, [3, 2]);
  pool.end();
  assertEquals(await Promise.all(results), Array(5).fill({ refused: "the Worker has ended" }));
});

Deno.test("WorkerPool ends a Worker 5 s after its last task", async () => {
  const { clock, workers, pool } = setUp();
  const first = pool.open(TASK);
  void first.process(JPEG, 0);
  workers[0]!.answer();
  await clock.advance(60_000); // an open task keeps its Worker
  assert(workers[0]!.isRunning);
  first[Symbol.dispose]();
  await clock.advance(4_999);
  const second = pool.open(TASK); // takes the idle one
  void second.process(JPEG, 0);
  workers[0]!.answer();
  await clock.advance(60_000);
  assert(workers[0]!.isRunning);
  second[Symbol.dispose]();
  await clock.advance(4_999);
  assert(workers[0]!.isRunning);
  await clock.advance(1);
  assertFalse(workers[0]!.isRunning);
  assertEquals([workers.length, pool.running], [1, 0]);
});

Deno.test("WorkerPool replaces a Worker that fails, after a pause", async () => {
  const { clock, workers, pool } = setUp(1);
  const open = [pool.open(TASK), pool.open(TASK)];
  const results = open.map((worker) => worker.process(JPEG, 0));
  workers[0]!.fail("out of memory");
  const refused = "the Worker failed: out of memory";
  assertEquals(await Promise.all(results), [{ refused }, { refused }]);
  assertEquals(await open[0]!.process(JPEG, 0), { refused });
  assertEquals(workers.length, 1);
  await clock.advance(1_000);
  const again = open[0]!.process(JPEG, 0);
  assertEquals(workers[1]!.requests.map(({ type }) => type), ["open", "process"]);
  workers[1]!.answer();
  assertEquals(await again, { jpeg: JPEG, size: SIZE });
  pool.end();
});

Deno.test("WorkerPool replaces a Worker that does not answer within 10 s, at first 60 s", async () => {
  const { clock, workers, pool } = setUp(1);
  using worker = pool.open(TASK);
  const expectTimeout = async (index: number, seconds: number) => {
    const result = worker.process(JPEG, 0);
    await clock.advance(seconds * 1000 - 1);
    assert(workers[index]!.isRunning);
    await clock.advance(1);
    assertEquals(await result, { refused: `the Worker failed: no answer within ${seconds} s` });
    assertFalse(workers[index]!.isRunning);
  };
  await expectTimeout(0, 60);
  await clock.advance(1_000);
  const first = worker.process(JPEG, 0);
  workers[1]!.answer();
  await first;
  await expectTimeout(1, 10);
});

Deno.test("WorkerPool refuses pictures of a task that is closed", async () => {
  const { workers, pool } = setUp(1);
  const worker = pool.open(TASK), other = pool.open(TASK);
  const result = worker.process(JPEG, 0);
  const kept = other.process(JPEG, 0);
  worker[Symbol.dispose]();
  assertEquals(await result, { refused: "the task is closed" });
  assertEquals(await worker.process(JPEG, 0), { refused: "the task is closed" });
  assertEquals(workers[0]!.requests.at(-1)!.type, "close");
  pool.end();
  assertEquals(await kept, { refused: "the Worker has ended" });
  await settle();
});

Deno.test("WorkerPool reports a Worker that cannot be started, and goes on", async () => {
  const startWorker = () =>
    new Worker(new URL("data:text/javascript,throw new Error('no')"), { type: "module" });
  const pool = new WorkerPool({ size: 1, startWorker });
  const result = await pool.open(TASK).process(JPEG, 0);
  assert("refused" in result);
  assert(result.refused.startsWith("the Worker failed: "), result.refused);
  assertEquals(pool.running, 0);
});
