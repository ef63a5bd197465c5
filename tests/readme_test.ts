import { assert, assertEquals, assertLessOrEqual, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { needing } from "./parts.ts";
import { README } from "./readme.ts";
import { ROOT, Server } from "./server.ts";

Deno.test(
  "the README's driver has at most 15 lines, passes the type check, and delivers frames",
  needing("ffmpeg"),
  async () => {
    const [, source] = /^## Write a driver$[^]*?^```ts\n([^]*?)^```$/m.exec(README)!;
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

Deno.test("the README and --help list the same variables", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--allow-all", "main.ts", "--help"],
    cwd: ROOT,
  }).output();
  const help = new TextDecoder().decode(stdout);
  const [, table] = /^\| variable \|.*\n([^]*?)\n\n/m.exec(README)!;
  const names = table!.split("\n").flatMap((
    row,
  ) => [...row.split("|")[1]!.matchAll(/`([A-Z_]+)`/g)])
    .map(([, name]) => name!);
  assert(names.length >= 10);
  for (const name of names) assertStringIncludes(help, name);
  const listed = [...help.matchAll(/^ {2}([A-Z][A-Z_, ]*?) {2}/gm)].flatMap(([, names]) =>
    names!.split(", ")
  );
  assertEquals(listed.filter((name) => !names.includes(name)), []);
});
