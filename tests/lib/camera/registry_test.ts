import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { driverFolders, DriverRegistry } from "../../../lib/camera/registry.ts";
import { ConfigError } from "../../../lib/errors.ts";

const DRIVER = `export default { configure: () => ({}), open: async function* () {} };`;

/** Runs a test in a folder with such files. */
async function inFolder(
  files: Record<string, string>,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(join(folder, name), text);
    }
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function messageOf(action: () => Promise<unknown>): Promise<string> {
  return (await assertRejects(action, ConfigError)).message;
}

Deno.test("DriverRegistry knows the drivers that are shipped, and loads each", async () => {
  const drivers = await DriverRegistry.open(driverFolders(undefined, false));
  assert(drivers.names.includes("emulated") && drivers.names.includes("pi"));
  assertEquals(drivers.names, drivers.names.toSorted());
  for (const name of drivers.names) {
    const { configure, open } = await drivers.load(name);
    assertEquals([typeof configure, typeof open], ["function", "function"]);
  }
});

Deno.test("DriverRegistry loads nothing that is not the name of a driver in its folders", async () => {
  await inFolder({ "mine.ts": DRIVER }, async (folder) => {
    const drivers = await DriverRegistry.open(driverFolders(folder, false));
    const names = [
      ...["webcam", "", ".", "..", "mine.ts", "./mine", "../cameras/pi", `${folder}/mine`, "pi.ts"],
      ...[`file://${folder}/mine.ts`, "https://example.org/x.ts", "npm:hono", "node:fs", "PI"],
      ...["data:text/javascript,export default {}", "__proto__", "constructor", "toString"],
    ];
    for (const name of names) {
      assertEquals(
        await messageOf(() => drivers.load(name)),
        `Cannot find camera driver ${JSON.stringify(name)}: available are ${
          drivers.names.join(", ")
        }`,
      );
    }
  });
});

Deno.test("DriverRegistry looks in the user's folder first, for TypeScript and JavaScript", async () => {
  const pi = DRIVER.replace("({})", `({ fps: 7 })`);
  await inFolder({ "pi.ts": pi, "mine.js": DRIVER, "my_other-1.ts": DRIVER }, async (folder) => {
    const drivers = await DriverRegistry.open(driverFolders(folder, false));
    const shipped = await DriverRegistry.open(driverFolders(undefined, false));
    assertEquals(drivers.names, [...shipped.names, "mine", "my_other-1"].sort());
    assertEquals((await drivers.load("pi")).configure({}), { fps: 7 });
    assertEquals((await drivers.load("mine")).configure({}), {});
    assertEquals((await drivers.load("emulated")).configure({ FPS: "3" }), { fps: 3 });
  });
});

Deno.test("DriverRegistry takes TypeScript where there is JavaScript of the same name, too", async () => {
  const js = DRIVER.replace("({})", `({ from: "js" })`);
  await inFolder(
    { "one.ts": DRIVER, "one.js": js, "two.js": js, "two.ts": DRIVER },
    async (folder) => {
      const drivers = await DriverRegistry.open(driverFolders(folder, false));
      for (const name of ["one", "two"]) assertEquals((await drivers.load(name)).configure({}), {});
    },
  );
});

Deno.test("DriverRegistry takes nothing for a driver that cannot be one by its file's name", async () => {
  const files = ["notes.md", "types.d.ts", "pi_test.tsx", ".hidden.ts", "_x.ts", "a b.ts", "x.py"];
  await inFolder(Object.fromEntries(files.map((file) => [file, DRIVER])), async (folder) => {
    await Deno.mkdir(join(folder, "pictures"));
    const drivers = await DriverRegistry.open(driverFolders(folder, false));
    const shipped = await DriverRegistry.open(driverFolders(undefined, false));
    assertEquals(drivers.names, shipped.names);
  });
});

Deno.test("The compiled program loads JavaScript from the user's folder, and says so of TypeScript", async () => {
  await inFolder({ "mine.ts": DRIVER, "other.js": DRIVER }, async (folder) => {
    const drivers = await DriverRegistry.open(driverFolders(folder, true));
    assert(drivers.names.includes("other") && drivers.names.includes("pi"));
    assertEquals(
      await messageOf(() => drivers.load("mine")),
      `Cannot find camera driver "mine": available are ${drivers.names.join(", ")}; ` +
        "the compiled program loads drivers of your own as .js files, not .ts",
    );
  });
});

Deno.test("DriverRegistry says of a file that it is no driver, and what one is", async () => {
  const files = {
    "empty.ts": "",
    "named.ts": "export const configure = () => ({}), open = () => {};",
    "half.ts": "export default { configure: () => ({}) };",
    "nothing.ts": "export default null;",
    "callable.ts": "export default () => ({});",
  };
  await inFolder(files, async (folder) => {
    const drivers = await DriverRegistry.open(driverFolders(folder, false));
    for (const file of Object.keys(files)) {
      assertEquals(
        await messageOf(() => drivers.load(file.replace(".ts", ""))),
        `Cannot use ${join(folder, file)} as a camera driver: its default export must be an ` +
          "object with the functions configure and open",
      );
    }
  });
});

Deno.test("DriverRegistry tells in one line why a driver's file cannot be loaded", async () => {
  const files = {
    "broken.js": "export default {",
    "throwing.js": `throw new Error("no such thing\\nsecond line");`,
    "lacking.js": `import "./not_there.js"; ${DRIVER}`,
  };
  await inFolder(files, async (folder) => {
    const drivers = await DriverRegistry.open(driverFolders(folder, false));
    for (const file of Object.keys(files)) {
      const message = await messageOf(() => drivers.load(file.replace(".js", "")));
      assertStringIncludes(message, `Cannot load camera driver ${join(folder, file)}: `);
      assertEquals(message.split("\n").length, 1);
    }
  });
});

Deno.test("DriverRegistry says which folder is not there, or is none", async () => {
  await inFolder({ "file.ts": DRIVER }, async (folder) => {
    for (const path of [join(folder, "nowhere"), join(folder, "file.ts")]) {
      assertEquals(
        await messageOf(() => DriverRegistry.open(driverFolders(path, false))),
        `Cannot read CAMERAS_DIR: no folder to read at ${JSON.stringify(path)}`,
      );
    }
  });
});
