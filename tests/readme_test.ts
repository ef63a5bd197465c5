import { assert, assertEquals, assertLessOrEqual, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { MIN_DENO_VERSION } from "../lib/cli/deno_version.ts";
import { SETTINGS } from "../lib/cli/settings.ts";
import { needing } from "./parts.ts";
import { codeBlocks, README } from "./readme.ts";
import { eventually, ROOT, Server } from "./server.ts";

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

Deno.test("the README's module needs one folder, one route file and three lines of main.ts", async () => {
  const [, section] = /^### Add a module$([^]*?)^The words of/m.exec(README)!;
  const [module, routes] = [...section!.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code]) =>
    code!
  );
  const [, line] = /^ {4}(routes\.push.*)$/m.exec(section!)!;
  const folder = await Deno.makeTempDir();
  for (const name of ["cameras", "lib", "static"]) {
    await copy(new URL(name, ROOT), join(folder, name));
  }
  await Deno.copyFile(new URL("deno.json", ROOT), join(folder, "deno.json"));
  await Deno.copyFile(new URL("deno.lock", ROOT), join(folder, "deno.lock"));
  await Deno.mkdir(join(folder, "lib/counting"));
  await Deno.writeTextFile(join(folder, "lib/counting/mod.ts"), module!);
  await Deno.writeTextFile(join(folder, "lib/http/counting_routes.ts"), routes!);
  const main = await Deno.readTextFile(new URL("main.ts", ROOT));
  const imports = 'import { FrameCounts } from "./lib/counting/mod.ts";\n' +
    'import { countingRoutes } from "./lib/http/counting_routes.ts";\n';
  await Deno.writeTextFile(
    join(folder, "main.ts"),
    main.replace(/^import /m, `${imports}import `).replace(/^.*createApp\(/m, `  ${line}\n$&`),
  );
  const checked = await new Deno.Command(Deno.execPath(), {
    args: ["check", "-q", "main.ts"],
    cwd: folder,
  }).output();
  assert(checked.success, new TextDecoder().decode(checked.stderr));
  {
    await using server = await Server.start({ cwd: folder, env: { FPS: "20" } });
    const counts = async () => (await (await fetch(`${server.url}/counts`)).json()).emulated;
    assertEquals(await counts(), 0);
    await (await fetch(`${server.url}/snapshot.jpg`)).bytes();
    await eventually("frames are counted", async () => await counts() >= 5);
    const [{ viewers }] = await (await fetch(`${server.url}/cameras`)).json();
    assertEquals(viewers, 0);
    assertEquals((await server.stop()).code, 0);
  }
  await Deno.remove(folder, { recursive: true });
});

/** Copies a folder. */
async function copy(from: URL, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    const source = new URL(`${from}/${name}`);
    if (isDirectory) await copy(source, join(to, name));
    else await Deno.copyFile(source, join(to, name));
  }
}

Deno.test("the README's table of settings has the names, defaults and meanings of --help", () => {
  const rows = SETTINGS.map(({ name, meaning, default: value, unset }) => {
    const fallback = value === undefined ? unset : `\`${value}\``;
    return `| \`${name}\` |${fallback ? ` ${fallback}` : ""} | ${meaning} |`;
  });
  assertEquals(rowsUnder("variable"), rows);
});

Deno.test("the README's short table of settings names only settings that exist", () => {
  const names = [...rowsUnder("example").join("\n").matchAll(/`([A-Z_]+)=/g)].map(([, name]) =>
    name!
  );
  assert(names.length > 5);
  assertEquals(names.filter((name) => !SETTINGS.some((setting) => setting.name === name)), []);
});

Deno.test("the README's short table of clients repeats lines of the table of all clients", () => {
  const [all] = /<!-- works-with -->[^]*?<!-- \/works-with -->/.exec(README)!;
  const lines = [...rowsUnder("program").join("\n").matchAll(/`([^`]+)`/g)].map(([, line]) =>
    line!
  );
  assert(lines.length > 5);
  for (const line of lines) assertStringIncludes(all, line);
});

Deno.test("the README's section on sound repeats lines of the table of all clients", () => {
  const [all] = /<!-- works-with -->[^]*?<!-- \/works-with -->/.exec(README)!;
  const lines = codeBlocks("Sound").join("\n").split("\n").filter((line) => /http:/.test(line));
  assertEquals(lines.length, 3);
  for (const line of lines) assertStringIncludes(all, `\`${line}\``);
});

Deno.test("the README's links to its own sections have targets", () => {
  const headings = [...README.matchAll(/^##+ (.*)$/gm)].map(([, heading]) =>
    heading!.toLowerCase().replaceAll(/[^a-z0-9 -]/g, "").replaceAll(" ", "-")
  );
  const links = [...README.matchAll(/\]\(#([^)]*)\)/g)].map(([, link]) => link!);
  assertEquals(links.filter((link) => !headings.includes(link)), []);
});

Deno.test("the README names the oldest supported version of Deno", () => {
  assertStringIncludes(README, `${MIN_DENO_VERSION.replace(/\.0$/, "")} or newer`);
});

/** Returns the rows of the table whose first column has this heading. */
function rowsUnder(heading: string): string[] {
  const [, rows] = new RegExp(`^\\| ${heading} \\|.*\\n\\|.*\\n([^]*?)\\n\\n`, "m").exec(README)!;
  return rows!.split("\n");
}
