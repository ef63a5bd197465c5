import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { printIgnored } from "./parts.ts";
import { FAKES, readUntil, ROOT, Server } from "./server.ts";

/** A runtime for `deno compile`, instead of the one that it downloads. */
const RUNTIME = Deno.env.get("DENORT_BIN");
/** The deno that compiles; it must fit the runtime. */
const COMPILER = Deno.env.get("COMPILE_DENO");

// Under CI=true, too: what is missing is a download, not a program.
const ignore = !RUNTIME && !COMPILER;
if (ignore) {
  printIgnored("needs DENORT_BIN or COMPILE_DENO (deno compile would download a runtime)");
}

Deno.test({
  name: "the compiled binary serves everything from an empty folder",
  ignore,
  async fn(t) {
    const folder = await Deno.makeTempDir();
    const binary = join(folder, "dinocam");
    await compile(binary);
    const empty = join(folder, "empty");
    await Deno.mkdir(empty);
    const start = (env: Record<string, string>) =>
      Server.start({ command: [binary], cwd: empty, env });

    await t.step("the bundled cameras and the page", async () => {
      const PATH = `${FAKES}:${Deno.env.get("PATH")}`;
      await using server = await start({ CAMERA: "emulated,pi", PATH });
      const page = await (await fetch(`${server.url}/`)).text();
      for (const [, file] of page.matchAll(/"(static\/[^"]+)"/g)) {
        const response = await fetch(`${server.url}/${file}`);
        assertEquals([file, response.status], [file, 200]);
        await response.bytes();
      }
      for (const name of ["emulated", "pi"]) {
        const { body } = await fetch(`${server.url}/cameras/${name}/video_feed`);
        const text = await readUntil(body!, (text) => text.split("--frame\r\n").length > 2);
        assertMatch(text, /^--frame\r\nContent-Type: image\/jpeg\r\nContent-Length: \d+\r\n/);
      }
      assertEquals((await server.stop()).code, 0);
    });

    await t.step("a driver of the user, as .js", async () => {
      const drivers = join(folder, "drivers");
      await Deno.mkdir(drivers);
      await Deno.writeTextFile(
        join(drivers, "mine.js"),
        `import { splitJpegs } from "dinocam/jpeg/split.ts";
         import { run } from "dinocam/process/mod.ts";
         export default {
           configure: () => ({}),
           open: (_, signal) => splitJpegs(run("rpicam-vid", ["-t", "0", "-n", "--codec", "mjpeg", "-o", "-"], signal)),
         };`,
      );
      const PATH = `${FAKES}:${Deno.env.get("PATH")}`;
      await using server = await start({ CAMERA: "mine", CAMERAS_DIR: "../drivers", PATH });
      const snapshot = await fetch(`${server.url}/snapshot.jpg`);
      assertEquals([...(await snapshot.bytes()).subarray(0, 3)], [0xff, 0xd8, 0xff]);
    });

    await t.step("a driver as .ts is rejected with the reason", async () => {
      await Deno.writeTextFile(join(folder, "drivers", "typed.ts"), "export default {}");
      const { code, stderr } = await new Deno.Command(binary, {
        cwd: empty,
        env: { CAMERA: "typed", CAMERAS_DIR: "../drivers" },
      }).output();
      assertEquals(code, 2);
      assertStringIncludes(new TextDecoder().decode(stderr), ".js files, not .ts");
    });

    await Deno.remove(folder, { recursive: true });
  },
});

/** Runs the task `compile`, with another path for the binary. */
async function compile(binary: string): Promise<void> {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  // The permission flags come from a program: $(deno run ...).
  const [substitution, program] = /\$\(deno (.*?)\)/.exec(tasks.compile.command)!;
  const flags = await new Deno.Command(Deno.execPath(), { args: program!.split(" "), cwd: ROOT })
    .output();
  const args = tasks.compile.command
    .replace(substitution, new TextDecoder().decode(flags.stdout).trim())
    .replace("bin/dinocam", binary).split(" ").slice(1);
  const { success, stderr } = await new Deno.Command(COMPILER ?? Deno.execPath(), {
    args,
    cwd: ROOT,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
