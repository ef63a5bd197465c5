import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { leftOut, needing } from "./parts.ts";
import { descendants, eventually, ROOT, Server } from "./server.ts";

/** The command of `deno task start`, without the task runner. */
const START = [Deno.execPath(), "run", "-q", "-P", "--no-prompt"];

/** Prints on SIGUSR1 which permissions the server has, and replaces nothing. */
const PROBE = `
const states = () => {
  const granted = (one) => Deno.permissions.querySync(one).state === "granted";
  const path = (path) => ({ name: "read", path });
  const kinds = {
    env: { name: "env" }, net: { name: "net" }, run: { name: "run" }, write: { name: "write" },
    read: { name: "read" }, sys: { name: "sys" }, ffi: { name: "ffi" },
    interfaces: { name: "sys", kind: "networkInterfaces" },
    cameras: path("cameras"), lib: path("lib"), static: path("static"), dotenv: path(".env"),
    libc: { name: "ffi", path: "/lib64/libc.so.6" },
    macos: { name: "ffi", path: "/usr/lib/libSystem.B.dylib" },
  };
  return Object.keys(kinds).filter((kind) => granted(kinds[kind]));
};
Deno.addSignalListener("SIGUSR1", () => console.error("granted:", states().join(" ")));`;

for (
  const [name, env, granted] of [
    ["the emulated camera", {}, ""],
    ["a Pi's camera", { CAMERA: "pi" }, "run"],
    ["a relay", { CAMERA: "mjpeg", SOURCE: "http://127.0.0.1:1/" }, "net"],
    ["a relay with its microphone", { AUDIO: "http://127.0.0.1:1/" }, "net"],
    ["all addresses", { HOST: "0.0.0.0", AUTH: "none" }, "interfaces"],
    ["a relay that publishes at a hub", {
      CAMERA: "mjpeg",
      SOURCE: "http://127.0.0.1:1/",
      NATS_URL: "nats://127.0.0.1:1",
    }, "net"],
  ] as const
) {
  Deno.test(
    `deno run -P keeps, for ${name}, only the permissions that are needed after listening`,
    { ignore: Deno.build.os !== "linux" },
    async () => {
      const probe = await Deno.makeTempFile({ suffix: ".js" });
      await Deno.writeTextFile(probe, PROBE);
      {
        const command = [...START, "--preload", probe, "main.ts"];
        await using server = await Server.start({ command, env });
        Deno.kill(server.pid, "SIGUSR1");
        const outcome = () => /^granted: (.*)$/m.exec(server.output)?.[1];
        await eventually("the permissions are printed", () => outcome() !== undefined);
        const expected = ["env", ...granted ? [granted] : [], "cameras", "lib", "static", "libc"];
        assertEquals(outcome()!.split(" ").toSorted(), expected.toSorted());
        assertEquals(await statusOf(`${server.url}/`), 200);
        assertEquals(await statusOf(`${server.url}/cameras`), 200);
        assertMatch(await commandLine(server.pid), / -P /);
        assertEquals((await server.stop()).code, 0);
      }
      await Deno.remove(probe);
    },
  );
}

Deno.test(
  "deno run -P replaces itself where only flags can grant what the settings need",
  Deno.build.os === "linux" ? needing("sh") : leftOut("Linux"),
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "my recordings " });
    {
      const env = {
        RECORD_DIR: folder,
        RECORD: "b",
        AUTH: "me:secret-and-long",
        CAMERA: "a=exec,b=emulated",
        A_SOURCE: `sh -c 'echo "left: $DINOCAM_REPLACED $AUTH" >&2; exit 1'`,
      };
      await using server = await Server.start({ command: [...START, "main.ts"], env });
      const flags = (await commandLine(server.pid)).split(" --").slice(1);
      assertEquals(flags.slice(0, 6), [
        "no-prompt",
        "allow-env",
        `allow-read=cameras,lib,static,${folder},/run/systemd/timesync`,
        `allow-write=${folder}`,
        "allow-net=127.0.0.1",
        "allow-run",
      ]);
      const headers = { Authorization: `Basic ${btoa("me:secret-and-long")}` };
      assertEquals(await statusOf(`${server.url}/cameras`), 401);
      assertEquals(await statusOf(`${server.url}/cameras`, headers), 200);
      // Neither the marker nor the secrets reach programs.
      assertEquals(await statusOf(`${server.url}/cameras/a/snapshot.jpg`, headers), 503);
      assert(server.output.includes(`sh exited with code 1: left:"`), server.output);
      assertEquals((await server.stop("SIGINT")).code, 0);
    }
    assert((await Array.fromAsync(Deno.readDir(folder))).length > 0);
    await Deno.remove(folder, { recursive: true });
  },
);

Deno.test(
  "deno run -P works from another folder, also where it replaces itself",
  { ignore: Deno.build.os !== "linux" },
  async () => {
    const cwd = await Deno.makeTempDir();
    for (const env of [{}, { RECORD_DIR: "recordings" }] as Record<string, string>[]) {
      const command = [...START, new URL("main.ts", ROOT).pathname];
      await using server = await Server.start({ command, env, cwd });
      assertEquals(await statusOf(`${server.url}/static/page.js`), 200);
      const line = await commandLine(server.pid);
      if ("RECORD_DIR" in env) {
        const folder = (name: string) => new URL(name, ROOT).pathname;
        const own = ["cameras", "lib", "static"].map(folder).join(",");
        assert(line.includes(` --allow-read=${own},recordings,/run/systemd/timesync `), line);
      }
      await server.stop();
    }
    assert((await Deno.stat(join(cwd, "recordings"))).isDirectory);
    await Deno.remove(cwd, { recursive: true });
  },
);

Deno.test(
  "deno run -P starts a child process where the C library cannot replace it",
  { ignore: Deno.build.os !== "linux" },
  async () => {
    const folder = await Deno.makeTempDir();
    const preload = join(folder, "no_libc.js");
    await Deno.writeTextFile(preload, `Deno.dlopen = () => { throw new Error("none"); };`);
    const command = [...START, "--preload", preload, "main.ts"];
    const env = { RECORD_DIR: join(folder, "recordings"), CAMERA: "emulated" };
    {
      await using server = await Server.start({ command, env });
      assertMatch(await commandLine(server.pid), / -P /);
      const [line, ...others] = (await descendants(server.pid)).values();
      assertMatch(line!, / --allow-write=/);
      assertEquals(others, []);
      assertEquals(await statusOf(`${server.url}/cameras`), 200);
      assertEquals((await server.stop()).code, 0);
      assertEquals(server.output.match(/camera stopped/g)?.length, 1);
    }
    const [program, ...args] = command;
    const invalid = await new Deno.Command(program!, {
      args,
      cwd: ROOT,
      env: { ...env, RECORD: "missing" },
      stdout: "null",
      stderr: "piped",
    }).output();
    assertEquals(invalid.code, 2);
    assertMatch(new TextDecoder().decode(invalid.stderr), /^.*"?missing.*\n$/);
    await Deno.remove(folder, { recursive: true });
  },
);

Deno.test(
  "the server replaces nothing and gives up nothing of the user's own flags",
  { ignore: Deno.build.os !== "linux" },
  async () => {
    const folder = await Deno.makeTempDir();
    const run = [Deno.execPath(), "run", "-q"];
    {
      const command = [...run, "-A", "main.ts"];
      await using server = await Server.start({ command, env: { RECORD_DIR: folder } });
      assertMatch(await commandLine(server.pid), / run -q -A main.ts$/);
      await server.stop();
    }
    for (const unwanted of [[], ["--allow-net", "--allow-run", "--allow-sys=networkInterfaces"]]) {
      const flags = ["--allow-env", "--allow-read=cameras,lib,static", "--no-prompt", ...unwanted];
      const { code, stderr } = await new Deno.Command(run[0]!, {
        args: [...run.slice(1), ...flags, "main.ts"],
        cwd: ROOT,
        env: { RECORD_DIR: folder, PORT: "0" },
      }).output();
      const text = new TextDecoder().decode(stderr);
      assertEquals([code, text.trimEnd().split("\n").length], [2, 1], text);
      assertMatch(text, /Cannot run without Deno's permission.* type deno task start/);
    }
    await Deno.remove(folder, { recursive: true });
  },
);

Deno.test(
  "deno task list-cameras prints no error with the permissions in deno.json",
  needing("sh"),
  async () => {
    const certificate = { TLS_CERT: "/etc/hostname", TLS_KEY: "/etc/hostname" };
    for (const env of [{}, certificate] as Record<string, string>[]) {
      const { code, stderr } = await new Deno.Command(START[0]!, {
        args: [...START.slice(1), "main.ts", "--list-cameras"],
        cwd: ROOT,
        env,
      }).output();
      assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
    }
  },
);

/** Returns the command line of a process. Reads /proc (Linux). */
async function commandLine(pid: number): Promise<string> {
  return (await Deno.readTextFile(`/proc/${pid}/cmdline`)).replaceAll("\0", " ").trimEnd();
}

async function statusOf(url: string, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(url, { headers });
  await response.bytes();
  return response.status;
}
