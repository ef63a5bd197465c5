import { assert, assertEquals, assertLessOrEqual, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { needing } from "./parts.ts";
import { ROOT, Server } from "./server.ts";

const readme = await Deno.readTextFile(new URL("README.md", ROOT));

Deno.test(
  "the README's driver has at most 15 lines, is well typed, and shows pictures",
  needing("ffmpeg"),
  async () => {
    const [, source] = /^## Add a camera$[^]*?^```ts\n([^]*?)^```$/m.exec(readme)!;
    assertLessOrEqual(source!.trimEnd().split("\n").length, 15);
    const folder = await Deno.makeTempDir();
    const file = join(folder, "pattern.ts");
    await Deno.writeTextFile(file, source!);
    const checked = await new Deno.Command(Deno.execPath(), {
      args: ["check", "-q", "--config", new URL("deno.json", ROOT).pathname, file],
    }).output();
    assert(checked.success, new TextDecoder().decode(checked.stderr));
    {
      await using server = await Server.start({
        command: [Deno.execPath(), "task", "-q", "start"],
        env: { CAMERA: "pattern", CAMERAS_DIR: folder, FPS: "20" },
      });
      const snapshot = await fetch(`${server.url}/snapshot.jpg`);
      assertEquals([snapshot.status, snapshot.headers.get("Content-Type")], [200, "image/jpeg"]);
      await snapshot.bytes();
      await server.stop();
    }
    await Deno.remove(folder, { recursive: true });
  },
);

Deno.test("the README and --help tell of the same variables", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--allow-all", "main.ts", "--help"],
    cwd: ROOT,
  }).output();
  const help = new TextDecoder().decode(stdout);
  const [, table] = /^\| variable \|.*\n([^]*?)\n\n/m.exec(readme)!;
  const names = table!.split("\n").flatMap((
    row,
  ) => [...row.split("|")[1]!.matchAll(/`([A-Z_]+)`/g)])
    .map(([, name]) => name!);
  assert(names.length >= 10);
  for (const name of names) assertStringIncludes(help, name);
  const told = [...help.matchAll(/^ {2}([A-Z][A-Z_, ]*?) {2}/gm)].flatMap(([, some]) =>
    some!.split(", ")
  );
  assertEquals(told.filter((name) => !names.includes(name)), []);
});
