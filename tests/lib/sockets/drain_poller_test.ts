import { assertEquals } from "@std/assert";
import { DrainPoller } from "../../../lib/sockets/drain_poller.ts";
import { eventually } from "../../server.ts";

Deno.test("DrainPoller calls back once per drained connection, and stops its timer", async () => {
  const poller = new DrainPoller();
  const [first, second, third] = [{ drained: true }, { drained: false }, { drained: true }];
  const called: number[] = [];
  poller.add(first, () => called.push(1));
  poller.add(second, () => called.push(2));
  poller.add(third, () => called.push(3));
  poller.delete(third);
  await eventually("the first has drained", () => called.length === 1);
  second.drained = true;
  await eventually("the second has drained", () => called.length === 2);
  assertEquals(called, [1, 2]); // a timer that still runs would fail the test
});
