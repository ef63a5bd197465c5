import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { needing, PYTHON } from "./parts.ts";
import { FAKES, readUntil, ROOT, Server } from "./server.ts";

/** Starts the server as `deno task start` does, but as a child of ours: one that can be ended. */
async function startPermitted(env: Record<string, string> = {}): Promise<Server> {
  const flags = await flagsFor({ PORT: "0", ...env });
  return await Server.start({
    command: [Deno.execPath(), "run", "-q", ...flags, "main.ts"],
    env,
  });
}

/** A driver that tries what it should not be able to, and shows what came of it as its error. */
const CURIOUS = `
import { CameraError } from "dinocam/errors.ts";
const attempts = {
  readPasswords: () => Deno.readTextFile("/etc/passwd"),
  readProject: () => Deno.readTextFile("deno.json"),
  readFolder: () => Array.fromAsync(Deno.readDir(".")),
  write: () => Deno.writeTextFile(new URL("written", import.meta.url), ""),
  writeThere: () => Deno.writeTextFile("static/page.js", "", { append: true }),
  remove: () => Deno.remove(new URL("own.txt", import.meta.url)),
  system: () => Deno.networkInterfaces(),
  load: () => import("https://example.com/x.ts"),
  native: () => Deno.dlopen("/lib/x86_64-linux-gnu/libm.so.6", {}),
  readOwn: () => Deno.readTextFile(new URL("own.txt", import.meta.url)),
};
export default {
  configure: () => ({}),
  async *open() {
    const outcome = {};
    for (const [name, attempt] of Object.entries(attempts)) {
      try {
        await attempt();
        outcome[name] = "done";
      } catch (error) {
        outcome[name] = error.name;
      }
    }
    throw new CameraError(JSON.stringify(outcome));
  },
};`;

Deno.test("a driver can read its own folder, and nothing outside; it can write nowhere", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(join(folder, "curious.ts"), CURIOUS);
  await Deno.writeTextFile(join(folder, "own.txt"), "mine");
  try {
    await using server = await startPermitted({ CAMERA: "curious", CAMERAS_DIR: folder });
    const text = await (await fetch(`${server.url}/snapshot.jpg`)).text();
    const [, outcome] = /(\{.*\})/.exec(text)!;
    assertEquals(JSON.parse(outcome!), {
      readPasswords: "NotCapable",
      readProject: "NotCapable",
      readFolder: "NotCapable",
      write: "NotCapable",
      writeThere: "NotCapable",
      remove: "NotCapable",
      system: "NotCapable",
      load: "TypeError",
      native: "NotCapable",
      readOwn: "done",
    });
    await server.stop();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the emulated camera may neither run programs nor connect anywhere, and all works", async () => {
  const flags = await flagsFor({ PORT: "8000" });
  assert(!flags.some((flag) => flag.startsWith("--allow-run")));
  assertEquals(flags.filter((flag) => flag.startsWith("--allow-net")), [
    "--allow-net=127.0.0.1:8000",
  ]);
  await using server = await startPermitted();
  for (
    const path of ["/", "/static/page.js", "/snapshot.jpg", "/cameras", "/healthz", "/metrics"]
  ) {
    const response = await fetch(`${server.url}${path}`);
    await response.bytes();
    assertEquals([path, response.status], [path, 200]);
  }
  const { body } = await fetch(`${server.url}/video_feed`);
  await readUntil(body!, (text) => text.split("--frame").length > 2);
  assert(!server.output.includes("slow viewers may see old pictures"), server.output);
  await server.stop();
});

Deno.test(
  "the Pi's camera works with what `deno task start` permits",
  needing(PYTHON),
  async () => {
    await using server = await startPermitted({
      CAMERA: "pi",
      PATH: `${FAKES}:${Deno.env.get("PATH")}`,
    });
    const response = await fetch(`${server.url}/snapshot.jpg`);
    assertEquals([response.status, [...(await response.bytes()).subarray(0, 2)]], [200, [
      0xff,
      0xd8,
    ]]);
    await server.stop();
  },
);

for (
  const [name, env, wanted] of [
    ["a relay may connect, and run nothing", { CAMERA: "mjpeg" }, {
      net: "--allow-net",
      run: undefined,
    }],
    [
      "a camera with a program may run programs, and connect nowhere",
      { CAMERA: "a=pi,b=emulated" },
      {
        net: "--allow-net=127.0.0.1:8000",
        run: "--allow-run",
      },
    ],
    ["a driver of the user's own may do both", { CAMERA: "mine", CAMERAS_DIR: "/drivers" }, {
      net: "--allow-net",
      run: "--allow-run",
      read: "--allow-read=cameras,lib,static,/drivers",
    }],
    ["so may one that has the name of ours", { CAMERA: "emulated", CAMERAS_DIR: "/drivers" }, {
      net: "--allow-net",
      run: "--allow-run",
    }],
    ["certificates are read", { TLS_CERT: "/c.pem", TLS_KEY: "/k.pem" }, {
      read: "--allow-read=cameras,lib,static,/c.pem,/k.pem",
    }],
    ["a path that fits in no list", { CAMERAS_DIR: "/My drivers" }, { read: "--allow-read" }],
    ["an address of IPv6", { HOST: "::1", PORT: "80" }, { net: "--allow-net=[::1]:80" }],
    ["a port that the system chooses", { PORT: "0" }, { net: "--allow-net=127.0.0.1" }],
    ["settings that cannot be", { CAMERA: "../x" }, { net: undefined, run: undefined }],
  ] as const
) {
  Deno.test(`the fewest permissions: ${name}`, async () => {
    const flags = await flagsFor({ PORT: "8000", ...env });
    for (const [kind, flag] of Object.entries(wanted)) {
      assertEquals(flags.find((one) => one.startsWith(`--allow-${kind}`)), flag);
    }
    assert(!flags.some((flag) => /^(-A|--allow-(all|write|sys|import))/.test(flag)), `${flags}`);
    assert(flags.includes("--no-prompt"));
  });
}

Deno.test("deno task start tells of a wrong setting in one line, as without the task", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "-q", "start"],
    cwd: ROOT,
    env: { CAMERA: "../x", NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stderr).trimEnd();
  assertEquals([code, text.split("\n").length], [2, 1]);
  assertStringIncludes(text, "Cannot read CAMERA as drivers");
});

Deno.test("looking for cameras is permitted all, and says so where it is not", async () => {
  const consult = async (flags: string[]) => {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", ...flags, "main.ts", "--list-cameras"],
      cwd: ROOT,
    }).output();
    return { code, stderr: new TextDecoder().decode(stderr) };
  };
  const { code, stderr } = await consult(await flagsFor({}));
  assertEquals([code, stderr.trimEnd().split("\n").length], [2, 1]);
  assertStringIncludes(stderr, "deno task list-cameras");
  const permitted = await flagsFor({}, "all");
  assert(permitted.includes("--allow-run") && permitted.includes("--allow-net"));
  assertEquals((await consult(permitted)).stderr, "");
});

Deno.test("the tasks for users grant nothing but what the flags say", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  for (const name of ["start", "dev"]) {
    assertMatch(
      tasks[name].command,
      /^deno run -q (--watch )?\$\(deno run -q --allow-env lib\/permissions\/flags\.ts\) main\.ts$/,
    );
  }
  for (const name of ["doctor", "list-cameras"]) {
    assertMatch(tasks[name].command, /flags\.ts all\) main\.ts \S+$/);
  }
  // The binary's are fixed when it is made, for any settings.
  const granted = [...tasks.compile.command.matchAll(/--allow-(\w+)/g)].map(([, kind]) => kind);
  assertEquals(granted.toSorted(), ["env", "ffi", "net", "read", "run"]);
});

async function flagsFor(env: Record<string, string>, ...args: string[]): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--allow-env", "lib/permissions/flags.ts", ...args],
    cwd: ROOT,
    env,
  }).output();
  return new TextDecoder().decode(stdout).trim().split(" ");
}
