import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { join } from "@std/path";
import { driverFolders, DriverRegistry } from "../../../lib/camera/registry.ts";
import { ConfigError } from "../../../lib/errors.ts";

const DRIVER = `export default { configure: () => ({}), open: async function* () {} };`;

/** Runs a test with a temporary folder that contains some files. */
async function inFolder(
  files: Record<string, string>,
  test: (folder: string) => void | Promise<void>,
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

Deno.test("DriverRegistry loads each of the built-in drivers", async () => {
  const drivers = DriverRegistry.open(driverFolders(undefined, false));
  assert(drivers.names.includes("emulated") && drivers.names.includes("pi"));
  assertEquals(drivers.names, drivers.names.toSorted());
  for (const name of drivers.names) {
    const { configure, open } = await drivers.load(name);
    assertEquals([typeof configure, typeof open], ["function", "function"]);
  }
});

Deno.test("DriverRegistry loads drivers only by their names in its folders", async () => {
  await inFolder({ "mine.ts": DRIVER }, async (folder) => {
    const drivers = DriverRegistry.open(driverFolders(folder, false));
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

Deno.test("DriverRegistry prefers drivers in the user's folder, in TypeScript or JavaScript", async () => {
  const pi = DRIVER.replace("({})", `({ fps: 7 })`);
  await inFolder({ "pi.ts": pi, "mine.js": DRIVER, "my_other-1.ts": DRIVER }, async (folder) => {
    const drivers = DriverRegistry.open(driverFolders(folder, false));
    const builtIn = DriverRegistry.open(driverFolders(undefined, false));
    assertEquals(drivers.names, [...builtIn.names, "mine", "my_other-1"].sort());
    assertEquals((await drivers.load("pi")).configure({}), { fps: 7 });
    assertEquals((await drivers.load("mine")).configure({}), {});
    assertEquals((await drivers.load("emulated")).configure({ FPS: "3" }), { fps: 3 });
  });
});

Deno.test("DriverRegistry prefers TypeScript to JavaScript of the same name", async () => {
  const js = DRIVER.replace("({})", `({ from: "js" })`);
  await inFolder(
    { "one.ts": DRIVER, "one.js": js, "two.js": js, "two.ts": DRIVER },
    async (folder) => {
      const drivers = DriverRegistry.open(driverFolders(folder, false));
      for (const name of ["one", "two"]) assertEquals((await drivers.load(name)).configure({}), {});
    },
  );
});

Deno.test("DriverRegistry ignores files whose names are not those of drivers", async () => {
  const files = ["notes.md", "types.d.ts", "pi_test.tsx", ".hidden.ts", "_x.ts", "a b.ts", "x.py"];
  await inFolder(Object.fromEntries(files.map((file) => [file, DRIVER])), async (folder) => {
    await Deno.mkdir(join(folder, "pictures"));
    const drivers = DriverRegistry.open(driverFolders(folder, false));
    const builtIn = DriverRegistry.open(driverFolders(undefined, false));
    assertEquals(drivers.names, builtIn.names);
  });
});

Deno.test("DriverRegistry of the compiled binary loads only JavaScript, and says so", async () => {
  await inFolder({ "mine.ts": DRIVER, "other.js": DRIVER }, async (folder) => {
    const drivers = DriverRegistry.open(driverFolders(folder, true));
    assert(drivers.names.includes("other") && drivers.names.includes("pi"));
    assertEquals(
      await messageOf(() => drivers.load("mine")),
      `Cannot find camera driver "mine": available are ${drivers.names.join(", ")}; ` +
        "the compiled binary loads your drivers from .js files, not .ts",
    );
  });
});

Deno.test("DriverRegistry rejects a file without a driver, and says what a driver is", async () => {
  const files = {
    "empty.ts": "",
    "named.ts": "export const configure = () => ({}), open = () => {};",
    "half.ts": "export default { configure: () => ({}) };",
    "nothing.ts": "export default null;",
    "callable.ts": "export default () => ({});",
  };
  await inFolder(files, async (folder) => {
    const drivers = DriverRegistry.open(driverFolders(folder, false));
    for (const file of Object.keys(files)) {
      assertEquals(
        await messageOf(() => drivers.load(file.replace(".ts", ""))),
        `Cannot use ${join(folder, file)} as a camera driver: its default export must be an ` +
          "object with the functions configure and open",
      );
    }
  });
});

Deno.test("DriverRegistry reports in one line why a driver cannot be loaded", async () => {
  const files = {
    "broken.js": "export default {",
    "throwing.js": `throw new Error("first line\\nsecond line");`,
    "lacking.js": `import "./not_there.js"; ${DRIVER}`,
  };
  await inFolder(files, async (folder) => {
    const drivers = DriverRegistry.open(driverFolders(folder, false));
    for (const file of Object.keys(files)) {
      const message = await messageOf(() => drivers.load(file.replace(".js", "")));
      assertStringIncludes(message, `Cannot load camera driver ${join(folder, file)}: `);
      assertEquals(message.split("\n").length, 1);
    }
  });
});

Deno.test("DriverRegistry reports a folder that is missing or is not a folder", async () => {
  await inFolder({ "file.ts": DRIVER }, (folder) => {
    for (const path of [join(folder, "nowhere"), join(folder, "file.ts")]) {
      assertThrows(
        () => DriverRegistry.open(driverFolders(path, false)),
        ConfigError,
        `Cannot read CAMERAS_DIR: ${JSON.stringify(path)} is not a readable folder`,
      );
    }
  });
});

Deno.test("DriverRegistry returns the requirements of all drivers that declare them and can be loaded", async () => {
  const stated = { permissions: ["net"], programs: [] };
  const files = {
    "stating.js": DRIVER.replace("{ ", `{ requirements: ${JSON.stringify(stated)}, `),
    "silent.js": DRIVER,
    "broken.js": "export default {",
  };
  await inFolder(files, async (folder) => {
    const drivers = DriverRegistry.open(driverFolders(folder, false));
    const requirements = await drivers.requirements();
    const builtIn = DriverRegistry.open(driverFolders(undefined, false));
    assertEquals([...requirements.keys()], [...builtIn.names, "stating"].sort());
    assertEquals(requirements.get("stating") as unknown, stated);
    assertEquals(requirements.get("pi")?.programs.map(({ name }) => name), ["rpicam-vid"]);
  });
});

Deno.test("DriverRegistry loads each built-in driver with the requirements of its folder", async () => {
  const drivers = DriverRegistry.open(driverFolders(undefined, false));
  for (const [name, requirements] of await drivers.requirements()) {
    const file = new URL(`../../../cameras/${name}/requirements.ts`, import.meta.url);
    assertStrictEquals((await import(file.href)).default, requirements);
  }
});

Deno.test("DriverRegistry loads a user's driver that imports dinocam/process.ts", async () => {
  const driver = `import { run } from "dinocam/process.ts";
    export default { configure: () => ({}), open: (_, signal) => run("true", [], signal) };`;
  await inFolder({ "mine.ts": driver }, async (folder) => {
    const drivers = DriverRegistry.open(driverFolders(folder, false));
    assertEquals(typeof (await drivers.load("mine")).open, "function");
  });
});

Deno.test("DriverRegistry distinguishes built-in drivers from a user's driver of the same name", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/pi.ts`, "export default {};");
  const drivers = DriverRegistry.open(driverFolders(folder, false));
  assertEquals(["pi", "usb", "missing"].map((name) => drivers.isBuiltIn(name)), [
    false,
    true,
    false,
  ]);
  await Deno.remove(folder, { recursive: true });
});
