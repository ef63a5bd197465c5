import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { needing, PYTHON } from "./parts.ts";
import { SERVER_SETTINGS } from "../lib/config.ts";
import type { Env } from "../lib/env.ts";
import { LINUX_LIBRARIES, MACOS_LIBRARIES } from "../lib/libc.ts";
import { SETTINGS } from "../lib/cli/settings.ts";
import { sizeOf } from "../lib/jpeg/segments.ts";
import { compileFlags, permissionFlags } from "../lib/permissions/flags.ts";
import { TURBOJPEG_LIBRARIES } from "../lib/pixels/turbojpeg_library.ts";
import { FAKES, readUntil, ROOT, Server } from "./server.ts";

/** The program that prints the permission flags. */
const PROGRAM = "lib/cli/permission_flags.ts";

/** Starts the server with the permissions of `deno task start`, as a direct child process. */
async function startPermitted(env: Record<string, string> = {}): Promise<Server> {
  const flags = await flagsFor({ PORT: "0", ...env });
  return await Server.start({
    command: [Deno.execPath(), "run", "-q", ...flags, "main.ts"],
    env,
  });
}

/** A driver that tries what it is not permitted to do, and reports the outcomes as its error. */
const INTRUSIVE = `
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

Deno.test("a driver can read only its own folder, and can write nowhere", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(join(folder, "intrusive.ts"), INTRUSIVE);
  await Deno.writeTextFile(join(folder, "own.txt"), "mine");
  try {
    await using server = await startPermitted({ CAMERA: "intrusive", CAMERAS_DIR: folder });
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

Deno.test("the server without RECORD_DIR gives back the permission to write", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(join(folder, "intrusive.ts"), INTRUSIVE);
  await Deno.writeTextFile(join(folder, "own.txt"), "mine");
  try {
    const env = { CAMERA: "intrusive", CAMERAS_DIR: folder };
    await using server = await Server.start({ env }); // with --allow-all, like a compiled binary
    const text = await (await fetch(`${server.url}/snapshot.jpg`)).text();
    const outcome = JSON.parse(/(\{.*\})/.exec(text)![1]!);
    assertEquals([outcome.write, outcome.writeThere, outcome.remove], Array(3).fill("NotCapable"));
    assertEquals(outcome.readProject, "done");
    await server.stop();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the server with the emulated camera works without permission to run programs or to connect", async () => {
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
  assert(!server.output.includes("slow viewers may see stale frames"), server.output);
  await server.stop();
});

Deno.test(
  "the server with a Pi's camera works with the permissions of `deno task start`",
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
  const [name, env, expected] of [
    ["connecting for a relay, and no programs", { CAMERA: "mjpeg" }, {
      net: "--allow-net",
      run: undefined,
    }],
    [
      "programs for a camera that needs one, and no connecting",
      { CAMERA: "a=pi,b=emulated" },
      {
        net: "--allow-net=127.0.0.1:8000",
        run: "--allow-run",
      },
    ],
    ["everything for a user's own driver", { CAMERA: "mine", CAMERAS_DIR: "/drivers" }, {
      net: "--allow-net",
      run: "--allow-run",
      read: "--allow-read=cameras,lib,static,/drivers",
    }],
    ["everything for a user's own driver with the name of a built-in one", {
      CAMERA: "emulated",
      CAMERAS_DIR: "/drivers",
    }, {
      net: "--allow-net",
      run: "--allow-run",
    }],
    ["reading certificates", { TLS_CERT: "/c.pem", TLS_KEY: "/k.pem" }, {
      read: "--allow-read=cameras,lib,static,/c.pem,/k.pem",
    }],
    ["reading everything for a path that fits in no list", { CAMERAS_DIR: "/My drivers" }, {
      read: "--allow-read",
    }],
    ["connecting to the hub only, and reading its certificate", {
      CAMERA: "nats",
      NATS_URL: "tls://me:secret@hub.example,wss://b.example",
      NATS_CA: "/ca.pem",
    }, {
      net: "--allow-net=127.0.0.1:8000,hub.example:4222,b.example:443",
      read: "--allow-read=cameras,lib,static,/ca.pem",
      run: undefined,
    }],
    ["listening on an IPv6 address", { HOST: "::1", PORT: "80" }, { net: "--allow-net=[::1]:80" }],
    ["listening on any port of the address for PORT=0", { PORT: "0" }, {
      net: "--allow-net=127.0.0.1",
    }],
    ["reading the addresses of this machine where it listens on all", { HOST: "0.0.0.0" }, {
      net: "--allow-net=0.0.0.0:8000",
      sys: "--allow-sys=networkInterfaces",
    }],
    ["the minimum for invalid settings", { CAMERA: "../x" }, { net: undefined, run: undefined }],
  ] as const
) {
  Deno.test(`permission_flags.ts grants ${name}`, async () => {
    const flags = await flagsFor({ PORT: "8000", ...env });
    for (const [kind, flag] of Object.entries({ sys: undefined, ...expected })) {
      assertEquals(flags.find((one) => one.startsWith(`--allow-${kind}`)), flag);
    }
    assert(
      !flags.some((flag) =>
        /^(-A|--allow-(all|write|sys(?!=networkInterfaces$)|import))/.test(flag)
      ),
      `${flags}`,
    );
    assert(flags.includes("--no-prompt"));
  });
}

/** What names libturbojpeg in the permission flags. */
const TURBOJPEG = /[^,=]*turbojpeg[^,]*/;

for (const engine of ["libturbojpeg, if it is installed,", "TypeScript in a Worker"]) {
  Deno.test(`smaller pictures are made by ${engine} with the permissions of deno task start`, async () => {
    const flags = await flagsFor({ PORT: "0" });
    const used = engine.startsWith("lib")
      ? flags
      : flags.map((flag) => flag.replaceAll(new RegExp(TURBOJPEG, "g"), "/none"));
    assertEquals(used.some((flag) => TURBOJPEG.test(flag)), engine.startsWith("lib"));
    await using server = await Server.start({
      command: [Deno.execPath(), "run", "-q", ...used, "main.ts"],
    });
    for (const query of ["height=120", "height=120&quality=low&overlay=1", "quality=low"]) {
      const response = await fetch(`${server.url}/snapshot.jpg?${query}`);
      const jpeg = await response.bytes();
      assertEquals(response.status, 200, new TextDecoder().decode(jpeg));
      const height = query.startsWith("height") ? 120 : 480;
      assertEquals(sizeOf(jpeg)?.height, height, query);
    }
  });
}

Deno.test("permission_flags.ts grants writing to RECORD_DIR, and what recording needs besides", async () => {
  const record = { PORT: "8000", RECORD_DIR: "/srv/recordings" };
  const granted = async (env: Record<string, string>) =>
    (await flagsFor(env)).filter((flag) => !/^--(no-prompt|allow-(env|net|ffi))/.test(flag));
  assertEquals(await granted(record), [
    "--allow-read=cameras,lib,static,/srv/recordings,/run/systemd/timesync",
    "--allow-write=/srv/recordings",
    "--allow-run=ffmpeg",
    "--allow-sys=statfs,setPriority",
  ]);
  assertEquals(
    (await granted({ ...record, CAMERA: "pi", HOST: "0.0.0.0", AUTH: "none" })).slice(2),
    [
      "--allow-run",
      "--allow-sys=networkInterfaces,statfs,setPriority",
    ],
  );
  // Settings that have no effect without RECORD_DIR permit nothing.
  assertEquals(await granted({ RECORD: "all", RETENTION: "7d" }), [
    "--allow-read=cameras,lib,static",
  ]);
});

Deno.test("deno task start reports an invalid setting in one line", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "-q", "start"],
    cwd: ROOT,
    env: { CAMERA: "../x", NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stderr).trimEnd();
  assertEquals([code, text.split("\n").length], [2, 1]);
  assertStringIncludes(text, "Cannot read CAMERA as drivers");
});

Deno.test("--list-cameras asks for deno task list-cameras when it lacks permissions", async () => {
  const listCameras = async (flags: string[]) => {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", ...flags, "main.ts", "--list-cameras"],
      cwd: ROOT,
    }).output();
    return { code, stderr: new TextDecoder().decode(stderr) };
  };
  const { code, stderr } = await listCameras(await flagsFor({}));
  assertEquals([code, stderr.trimEnd().split("\n").length], [2, 1]);
  assertStringIncludes(stderr, "deno task list-cameras");
  const permitted = await flagsFor({}, "all");
  assert(permitted.includes("--allow-run") && permitted.includes("--allow-net"));
  assertEquals((await listCameras(permitted)).stderr, "");
});

Deno.test("the tasks grant only the permissions in deno.json, or those that permission_flags.ts prints", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const program = `deno run -q --allow-env --allow-read=cameras,.env ${PROGRAM}`;
  for (
    const [name, command] of [
      ["start", "deno run -q -P --no-prompt main.ts"],
      ["start:env", "deno run -q -P --no-prompt --env-file main.ts"],
      ["doctor:env", "deno run -q -P --no-prompt --env-file main.ts doctor"],
      ["dev", `deno run -q --watch $(${program}) main.ts`],
      ["doctor", "deno run -q -P --no-prompt main.ts doctor"],
      ["list-cameras", "deno run -q -P --no-prompt main.ts --list-cameras"],
    ] as const
  ) assertEquals(tasks[name].command, command);
  for (const name of ["compile", "compile:pi"]) {
    const [before, after] = tasks[name].command.split("lib/cli/compile.ts");
    assertEquals(before, "deno run -q --allow-read --allow-run ");
    assertMatch(after, /^( --target [\w-]+)? -o bin\/[\w-]+$/);
  }
});

Deno.test("the permissions in deno.json are those of the server without settings for paths", async () => {
  const { permissions } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  assertEquals(permissions, {
    default: {
      env: true,
      read: ["cameras", "lib", "static", ".env"],
      net: true,
      run: true,
      sys: ["networkInterfaces"],
      ffi: [
        ...[...LINUX_LIBRARIES, ...MACOS_LIBRARIES],
        ...Object.values(TURBOJPEG_LIBRARIES).flat(),
      ],
    },
  });
});

Deno.test("compileFlags() grants a compiled binary the permissions for all settings", () => {
  const flags = compileFlags(SETTINGS);
  const granted = flags.map((flag) => /^--allow-(\w+)/.exec(flag)?.[1]).filter(Boolean);
  assertEquals(granted.toSorted(), ["env", "ffi", "net", "read", "run", "sys", "write"]);
  assert(flags.includes("--allow-sys=networkInterfaces,statfs,setPriority"), `${flags}`);
  const libraries = flags.find((flag) => flag.startsWith("--allow-ffi="))!;
  for (const library of [...LINUX_LIBRARIES, ...MACOS_LIBRARIES]) {
    assertStringIncludes(libraries, library);
  }
});

Deno.test("permissionFlags() permits writing for a setting that names a folder to write to", () => {
  const setting = { name: "RECORD_DIR", meaning: "folder for recordings", path: "write" } as const;
  const flagsWith = (env: Env) =>
    permissionFlags({
      config: { host: "127.0.0.1", port: 80 },
      drivers: new Set(),
      settings: [setting],
      env,
    });
  const flags = flagsWith({ RECORD_DIR: " /srv/recordings " });
  assert(flags.includes("--allow-write=/srv/recordings"), `${flags}`);
  assert(flags.includes("--allow-read=cameras,lib,static,/srv/recordings"), `${flags}`);
  assert(!flagsWith({}).some((flag) => flag.startsWith("--allow-write")));
});

Deno.test("permissionFlags() permits reading the certificate of each camera, but no fingerprint", () => {
  const { sourceCert } = SERVER_SETTINGS;
  const flags = permissionFlags({
    config: { host: "127.0.0.1", port: 80 },
    drivers: new Set(),
    settings: [sourceCert],
    env: {
      SOURCE_CERT: "/etc/all.pem",
      FRONT_SOURCE_CERT: " front.pem ",
      BACK_SOURCE_CERT: "sha256:00",
      SIDE_SOURCE_CERT: `sha256 Fingerprint=${Array(32).fill("A1").join(":")}`,
      TOP_SOURCE_CERT: Array(32).fill("A1").join(" "),
      TLS_CERT: "/etc/tls.pem",
    },
  });
  assert(flags.includes("--allow-read=cameras,lib,static,/etc/all.pem,front.pem"), `${flags}`);
});

async function flagsFor(env: Record<string, string>, ...args: string[]): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--allow-env", "--allow-read=cameras,.env", PROGRAM, ...args],
    cwd: ROOT,
    env,
  }).output();
  return new TextDecoder().decode(stdout).trim().split(" ");
}
