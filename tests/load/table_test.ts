import { assert, assertEquals, assertGreater } from "@std/assert";
import { descendantsOf, usageOf } from "./proc.ts";
import { needing } from "../parts.ts";
import { eventually } from "../server.ts";
import { median, writeTable } from "./table.ts";

Deno.test("writeTable() adds ratios to the first column, except to plain and to zero figures", () => {
  const lines = [
    { name: "fps", figures: [30, 29.5], digits: 1, plain: true },
    { name: "CPU", figures: [2, 5, 40, undefined], digits: 0 },
    { name: "idle", figures: [0.01, 1], digits: 1 },
    { name: "failed", figures: [undefined, NaN], digits: 1 },
  ];
  assertEquals(writeTable(["ours", "theirs"], lines).split("\n"), [
    "|  | ours | theirs |",
    "| --- | ---: | ---: |",
    "| fps | 30.0 | 29.5 |",
    "| CPU | 2 | 5 (2.50 ×) | 40 (20 ×) | – |",
    "| idle | 0.0 | 1.0 |",
    "| failed | – | – |",
  ]);
});

Deno.test("writeTable() prints the median and the range of several rounds, and ratios of medians", () => {
  const lines = [
    { name: "CPU", figures: [[100, 90, 110], [50, 48, 70], [100, 100.4, 99.9], []], digits: 0 },
    { name: "fps", figures: [[30, 29.5, 30], [30.01, 30, 29.99]], digits: 1, plain: true },
    { name: "one has failed", figures: [[3, NaN], [NaN, NaN]], digits: 0 },
    { name: "first is missing", figures: [undefined, [4, 6, 5]], digits: 0 },
  ];
  assertEquals(writeTable(["ours", "theirs"], lines).split("\n").slice(2), [
    "| CPU | 100 (90–110) | 50 (48–70, 0.50 ×) | 100 (1.00 ×) | – |",
    "| fps | 30.0 (29.5–30.0) | 30.0 |",
    "| one has failed | 3 | – |",
    "| first is missing | – | 5 (4–6) |",
  ]);
});

Deno.test("median() returns the middle value, and undefined for no values", () => {
  assertEquals(median([3, 1, 2]), 2);
  assertEquals(median([2, 10]), 10);
  assertEquals(median([]), undefined);
});

Deno.test({
  name: "usageOf() counts a process and its children, but not the camera",
  ignore: Deno.build.os !== "linux" || needing("bash").ignore,
  fn: async () => {
    const work = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; read line";
    const start = (name: string) => {
      const args = ["-c", `printf ${name} > /proc/$$/comm; ${work}`];
      return new Deno.Command("bash", { args, stdin: "piped", stdout: "null" }).spawn();
    };
    const nameOf = (pid: number) => Deno.readTextFileSync(`/proc/${pid}/comm`).trim();
    const children = [start("server"), start("fakecam")];
    const pids = children.map(({ pid }) => pid);
    try {
      assert(pids.every((pid) => descendantsOf(Deno.pid).includes(pid)));
      await eventually(
        "both processes have their names",
        () => pids.every((pid) => nameOf(pid) !== "bash"),
      );
      await eventually("the server has used CPU time", () => usageOf(pids[0]!).cpu > 5);
      const { memory, anonymous } = usageOf(pids[0]!);
      assertGreater(anonymous, 50_000);
      assertGreater(memory, anonymous + 500_000); // the program is a file
      assertEquals(usageOf(pids[1]!), { cpu: 0, memory: 0, anonymous: 0 });
    } finally {
      for (const child of children) {
        await child.stdin.close();
        await child.status;
      }
    }
  },
});
