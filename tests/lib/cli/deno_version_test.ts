import { assert, assertEquals, assertFalse } from "@std/assert";
import { isSupported, MIN_DENO_VERSION } from "../../../lib/cli/deno_version.ts";
import { ROOT } from "../../server.ts";

Deno.test("isSupported() compares versions by their numbers", () => {
  const [major, minor, patch] = MIN_DENO_VERSION.split(".").map(Number) as [number, number, number];
  for (
    const version of [
      MIN_DENO_VERSION,
      `${major}.${minor}.${patch + 1}`,
      `${major}.${minor + 10}.0`,
      `${major + 1}.0.0`,
      `${major}.${minor + 1}.0+1b2c3d4`,
      Deno.version.deno,
    ]
  ) assert(isSupported(version), version);
  for (const version of [`${major}.${minor - 1}.99`, `${major - 1}.99.99`, "0.1.0"]) {
    assertFalse(isSupported(version), version);
  }
});

Deno.test("the server reports an unsupported Deno in one line, exit code 2", async () => {
  const preload = await Deno.makeTempFile({ suffix: ".js" });
  await Deno.writeTextFile(
    preload,
    `Object.defineProperty(Deno, "version", { value: { ...Deno.version, deno: "2.1.4" } });`,
  );
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--allow-all", "--preload", preload, ...args],
      cwd: ROOT,
      env: { PORT: "0" },
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: text(stdout), stderr: text(stderr) };
  };
  assertEquals(await run("main.ts"), {
    code: 2,
    stdout: "",
    stderr: `Cannot run on Deno 2.1.4: version ${MIN_DENO_VERSION} or newer is required ` +
      "(deno upgrade, or npx deno@latest task start)\n",
  });
  // It is run first by `deno task start`, and leaves the report to the server.
  assertEquals(await run("lib/cli/permission_flags.ts"), { code: 0, stdout: "", stderr: "" });
  await Deno.remove(preload);
});
