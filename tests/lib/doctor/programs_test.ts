import { assertEquals } from "@std/assert";
import type { RequiredProgram } from "../../../lib/camera/requirements.ts";
import { checkPrograms } from "../../../lib/doctor/programs.ts";

const INSTALLED: RequiredProgram = {
  name: "Deno",
  commands: ["no-such-program", Deno.execPath()],
  versionArgs: ["--version"],
  versionPattern: /deno (\d+\.\d+\.\d+)/,
  installHint: "install Deno",
};
const MISSING = {
  ...INSTALLED,
  name: "x",
  commands: ["no-such-program"],
  installHint: "install x",
};

function check(requirements: Record<string, RequiredProgram[]>, used: string[]) {
  const map = new Map(
    Object.entries(requirements).map(([driver, programs]) =>
      [driver, { permissions: ["run" as const], programs }] as const
    ),
  );
  return Array.fromAsync(checkPrograms(map, new Set(used), new AbortController().signal));
}

Deno.test("checkPrograms() reports each program once, with its version and the drivers that need it", async () => {
  const findings = await check({ one: [INSTALLED], two: [], three: [INSTALLED] }, ["one"]);
  assertEquals(findings, [{
    verdict: "ok",
    text: `Deno ${Deno.version.deno} (for CAMERA=one and CAMERA=three)`,
  }]);
});

Deno.test("checkPrograms() reports a missing program as a problem only if a driver in use needs it", async () => {
  const finding = { text: "x not found (needed for CAMERA=one)", advice: "install x" };
  assertEquals(await check({ one: [MISSING] }, ["one"]), [{ verdict: "problem", ...finding }]);
  assertEquals(await check({ one: [MISSING] }, ["two"]), [{ verdict: "note", ...finding }]);
});

Deno.test("checkPrograms() reports a program without a version as not found", async () => {
  const silent = { ...INSTALLED, versionPattern: /no such version/ };
  const [finding] = await check({ one: [silent] }, ["one"]);
  assertEquals(finding?.text, "Deno not found (needed for CAMERA=one)");
});
