import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { SETTINGS } from "../../../lib/cli/settings.ts";
import { usage } from "../../../lib/cli/usage.ts";

Deno.test("usage() wraps meanings beside the names of the settings, with their defaults", () => {
  const settings = [
    { name: "PORT", meaning: "port to listen on; `0`: any free port", default: "8000" },
    { name: "FPS", meaning: `frame rate, ${"long ".repeat(15)}text`, unset: "per driver" },
    { name: "AUTH", meaning: "password" },
  ];
  assertStringIncludes(
    usage("1.2.3", settings),
    `
  PORT         port to listen on; 0: any free port (default: 8000)
  FPS          frame rate, long long long long long long long long long long long long long long
               long text (default: per driver)
  AUTH         password
`,
  );
});

Deno.test("usage() begins with the version, and has no line of more than 100 characters", () => {
  const lines = usage("1.2.3", SETTINGS).split("\n");
  assertEquals(lines[0], "dinocam 1.2.3: a camera server");
  assert(lines.every((line) => line.length <= 100), lines.join("\n"));
});
