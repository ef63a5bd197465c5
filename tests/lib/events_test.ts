import { assertEquals } from "@std/assert";
import { type Event, Events } from "../../lib/events.ts";

interface Step extends Event {
  readonly type: "step";
  readonly number: number;
}

Deno.test("Events calls all listeners in order, until their subscriptions are disposed", () => {
  const events = new Events<Step>();
  const seen: string[] = [];
  const first = events.subscribe(({ number }) => seen.push(`first ${number}`));
  using _second = events.subscribe(({ number }) => seen.push(`second ${number}`));
  events.emit({ type: "step", number: 1 });
  first[Symbol.dispose]();
  events.emit({ type: "step", number: 2 });
  assertEquals(seen, ["first 1", "second 1", "second 2"]);
});

Deno.test("Events delivers an event to the other listeners when one throws, and reports it", () => {
  const failures: unknown[] = [];
  const events = new Events<Step>((error, { number }) => failures.push([error, number]));
  const seen: number[] = [];
  const problem = new Error("broken");
  using _broken = events.subscribe(() => {
    throw problem;
  });
  using _other = events.subscribe(({ number }) => seen.push(number));
  events.emit({ type: "step", number: 7 });
  assertEquals([seen, failures], [[7], [[problem, 7]]]);
});

Deno.test("Events treats two subscriptions of one listener separately", () => {
  const events = new Events<Step>();
  let count = 0;
  const listener = () => void count++;
  const one = events.subscribe(listener);
  using _other = events.subscribe(listener);
  one[Symbol.dispose]();
  events.emit({ type: "step", number: 1 });
  assertEquals(count, 1);
});
