import { assert, assertEquals, assertLessOrEqual, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { MIN_DENO_VERSION } from "../lib/cli/deno_version.ts";
import { SETTINGS } from "../lib/cli/settings.ts";
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

Deno.test("the README's table of settings has the names, defaults and meanings of --help", () => {
  const [, table] = /^\| variable \|.*\n\|.*\n([^]*?)\n\n/m.exec(readme)!;
  const rows = SETTINGS.map(({ name, meaning, default: value, unset = "" }) =>
    `| \`${name}\` | ${value === undefined ? unset : `\`${value}\``} | ${meaning} |`
      .replace("|  |", "| |")
  );
  assertEquals(table!.split("\n"), rows);
});

Deno.test("the README names the oldest supported version of Deno", () => {
  assertStringIncludes(readme, `${MIN_DENO_VERSION.replace(/\.0$/, "")} or newer`);
});
