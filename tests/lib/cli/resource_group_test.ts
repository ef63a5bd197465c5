import { assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import { ResourceGroup } from "../../../lib/cli/resource_group.ts";
import { createLog } from "../../../lib/log.ts";
import { ManualClock } from "../../manual_clock.ts";

function setUp(gracePeriod = 10_000) {
  const lines: string[] = [];
  const write = (line: string) => lines.push(line.replace(/^\S+ /, ""));
  const log = createLog({ clock: new ManualClock(), write });
  return { group: new ResourceGroup("viewers", gracePeriod, log), lines };
}

Deno.test("ResourceGroup disposes all resources at the same time, the last one first", async () => {
  const { group, lines } = setUp();
  const steps: string[] = [];
  const slow = Promise.withResolvers<void>();
  group.defer(() => steps.push("function"));
  const resource = group.use({ [Symbol.dispose]: () => void steps.push("sync") });
  group.use({
    async [Symbol.asyncDispose]() {
      steps.push("async begins");
      await slow.promise;
      steps.push("async ends");
    },
  });
  resource satisfies Disposable;
  const disposed = group[Symbol.asyncDispose]();
  assertEquals(steps, ["async begins", "sync", "function"]);
  slow.resolve();
  await disposed;
  assertEquals(steps.at(-1), "async ends");
  assertEquals(lines, []);
});

Deno.test("ResourceGroup disposes the other resources when one fails, and logs the error", async () => {
  const { group, lines } = setUp();
  let disposals = 0;
  group.defer(() => disposals++);
  group.defer(() => {
    throw new Error("disk full");
  });
  group.defer(() => Promise.reject(new Error("no network")));
  await group[Symbol.asyncDispose]();
  assertEquals(disposals, 1);
  assertEquals(lines.toSorted(), [
    'error shutdown failed group=viewers reason="disk full"',
    'error shutdown failed group=viewers reason="no network"',
  ]);
});

Deno.test("ResourceGroup waits no longer than its grace period, and logs that", async () => {
  const { group, lines } = setUp(50);
  group.defer(() => new Promise(() => {}));
  const startedAt = performance.now();
  await group[Symbol.asyncDispose]();
  assertGreaterOrEqual(performance.now() - startedAt, 49);
  assertLess(performance.now() - startedAt, 5_000);
  assertEquals(lines, ["warn shutdown incomplete group=viewers seconds=0.05"]);
});

Deno.test("groups on a stack are disposed step by step: the viewers, then the modules", async () => {
  const steps: string[] = [];
  const { group: modules } = setUp();
  const { group: viewers } = setUp();
  {
    await using stack = new AsyncDisposableStack();
    stack.defer(() => void steps.push("processes"));
    stack.use(modules);
    stack.use(viewers);
    viewers.defer(async () => {
      await Promise.resolve();
      steps.push("camera");
    });
    modules.defer(() => steps.push("recorder")); // added last, and disposed after the camera
  }
  assertEquals(steps, ["camera", "recorder", "processes"]);
});
