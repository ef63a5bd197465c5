import { assert, assertEquals, assertFalse } from "@std/assert";
import { describeLeftOut } from "./left_out.ts";
import { isInstalled, LEFT_OUT_FILE, needing } from "./parts.ts";
import { ROOT } from "./server.ts";

const SKIPPED = `<testcase name="a" time="0.000" line="1">
    <skipped/>
</testcase>`;
const PASSED = SKIPPED.replace("<skipped/>", "");
const FILTERED = SKIPPED.replace('time="0.000"', "");
const REPORT = [SKIPPED, PASSED, FILTERED, SKIPPED].join("\n");
const ENTRIES = `{"program":"nginx"}
{"program":"ffmpeg"}
{"program":"python3"}
{"program":"ffmpeg"}
{"reason":"a runtime for deno compile"}
`;

Deno.test("describeLeftOut() describes in one line what is missing, and what installs it", () => {
  const lacks = "Left out: 2 tests, as this machine lacks ffmpeg, nginx, python3, and a runtime " +
    "for deno compile; ";
  assertEquals(
    describeLeftOut(ENTRIES, REPORT, "linux"),
    `${lacks}on Debian: sudo apt install ffmpeg nginx-light python3`,
  );
  assertEquals(
    describeLeftOut(ENTRIES, REPORT, "darwin"),
    `${lacks}to install them: brew install ffmpeg nginx python`,
  );
  assertEquals(
    describeLeftOut(ENTRIES, REPORT, "windows"),
    `${lacks}install them, with their folders in PATH`,
  );
  assertEquals(
    describeLeftOut('{"reason":"a camera"}\n', SKIPPED, "linux"),
    "Left out: 1 test, as this machine lacks a camera",
  );
});

Deno.test("describeLeftOut() returns nothing if no test was left out, or only by its system", () => {
  assertEquals(describeLeftOut("", REPORT), undefined);
  assertEquals(describeLeftOut("", ""), undefined);
  assertEquals(describeLeftOut(ENTRIES, `${PASSED}${FILTERED}`), undefined);
});

Deno.test("isInstalled() finds programs in the folders of PATH only", async () => {
  const path = Deno.env.get("PATH")!;
  const folder = await Deno.makeTempDir();
  const file = `${folder}/a-program${Deno.build.os === "windows" ? ".exe" : ""}`;
  await Deno.writeTextFile(file, "");
  try {
    assertFalse(isInstalled("a-program"));
    assertFalse(isInstalled(file));
    Deno.env.set("PATH", `${path}${Deno.build.os === "windows" ? ";" : ":"}${folder}`);
    assert(isInstalled("a-program"));
    assert(isInstalled(file));
    assertFalse(isInstalled("no-such-program"));
  } finally {
    Deno.env.set("PATH", path);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("needing() has a test left out for a missing program, but not with CI=true", async () => {
  const [ci, file] = [Deno.env.get("CI"), Deno.env.get(LEFT_OUT_FILE)];
  const entries = await Deno.makeTempFile();
  try {
    Deno.env.set(LEFT_OUT_FILE, entries);
    Deno.env.delete("CI");
    assertEquals(needing(), { ignore: false });
    assertEquals(needing("/nowhere/no-such-program"), { ignore: true });
    assertEquals(needing("/nowhere/no-such-program"), { ignore: true });
    assertEquals(await Deno.readTextFile(entries), '{"program":"no-such-program"}\n');
    Deno.env.set("CI", "true");
    assertEquals(needing("/nowhere/no-such-program"), { ignore: false });
  } finally {
    restore("CI", ci);
    restore(LEFT_OUT_FILE, file);
    await Deno.remove(entries);
  }
});

Deno.test("tests/run.ts accepts arguments, and ends with the exit code of deno test", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/sample_test.ts`;
    await Deno.writeTextFile(
      file,
      `import { needing } from "${new URL("tests/parts.ts", ROOT)}";
       Deno.test("passes", () => {});
       Deno.test("fails", () => { throw new Error("x"); });
       Deno.test("needs a program", needing("no-such-program"), () => {});`,
    );
    const run = async (...args: string[]) => {
      const { code, stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-q", "--allow-all", "tests/run.ts", file, ...args],
        cwd: ROOT,
        env: { NO_COLOR: "1", CI: "" },
      }).output();
      return { code, lines: new TextDecoder().decode(stdout).trimEnd().split("\n") };
    };
    const all = await run();
    assertEquals(all.code, 1);
    assert(all.lines.at(-1)!.startsWith("Left out: 1 test, as this machine lacks no-such-program"));
    const passing = await run("--filter", "passes");
    assertEquals(passing.code, 0);
    assert(passing.lines.at(-1)!.startsWith("ok | 1 passed"), passing.lines.join("\n"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

function restore(name: string, value: string | undefined): void {
  if (value === undefined) Deno.env.delete(name);
  else Deno.env.set(name, value);
}
