import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { needing } from "./parts.ts";
import { eventually, ROOT, Server } from "./server.ts";

/** What a user types: the task, with the environment variables. */
async function type(task: string[], env: Record<string, string> = {}) {
  return await run(["task", "-q", ...task], { env });
}

async function run(
  args: string[],
  { env = {}, cwd = ROOT }: { env?: Record<string, string>; cwd?: string | URL } = {},
) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    env: { PORT: "0", NO_COLOR: "1", npm_command: "", ...env }, // not started by npx
    stdin: "null",
  }).output();
  const lines = (bytes: Uint8Array) =>
    new TextDecoder().decode(bytes).trimEnd().split("\n").filter(Boolean);
  return { code, stdout: lines(stdout), stderr: lines(stderr) };
}

/** A driver that reports as its error whether it can read the file `.env`. */
const CURIOUS = `
import { CameraError } from "dinocam/errors.ts";
export default {
  configure: () => ({}),
  async *open() {
    const outcome = await Deno.readTextFile(".env").catch((error) => error.name);
    throw new CameraError("outcome: " + outcome, { permanent: true });
  },
};
`;

Deno.test("the server warns of misspelled settings after its address", async () => {
  const env = { CAMREA: "pi", FRONT_FPS: "5", MAX_VIEWERS: "5" };
  await using server = await Server.start({ env });
  const expected = [
    "Settings: PORT=0 MAX_VIEWERS=5",
    "Warning: CAMREA is not a setting; did you mean CAMERA?",
    'Warning: FRONT_FPS is not read: CAMERA names no camera "front"; for all cameras set FPS',
  ];
  for (const line of expected) {
    await eventually(line, () => server.output.includes(line));
  }
});

Deno.test("the server lists its settings without secrets, and says which have no effect", async () => {
  const SOURCE = "http://me:secret@192.0.2.1/KEY?pwd=KEY";
  const env = { CAMERA: "front=mjpeg", FRONT_SOURCE: SOURCE, AUTH: '"me:secret"', QUALITY: "90" };
  await using server = await Server.start({ env });
  const quotes = "Warning: The value of AUTH contains quotation marks at its ends";
  await eventually("the last line", () => server.output.includes(quotes));
  const settings =
    "CAMERA=front=mjpeg QUALITY=90 PORT=0 AUTH=(set) FRONT_SOURCE=http://192.0.2.1/…";
  assertStringIncludes(server.output, `Settings: ${settings}\n`);
  assertStringIncludes(server.output, "QUALITY has no effect: driver mjpeg does not read QUALITY");
  assert(!/secret|KEY/.test(server.output), server.output);
});

Deno.test("the server says which settings of recording have no effect without RECORD_DIR", async () => {
  await using server = await Server.start({ env: { RETENTION: "7d" } });
  const warning = "Warning: RETENTION has no effect without RECORD_DIR; set RECORD_DIR too";
  await eventually(warning, () => server.output.includes(warning));
});

Deno.test("the server has no warning for the environment of the tests", async () => {
  await using server = await Server.start();
  await eventually("the settings", () => server.output.includes("Settings: PORT=0\n"));
  assert(!server.output.includes("Warning:"), server.output);
});

Deno.test("the server refuses to start if a privacy mask would have no effect", async () => {
  const rows = [
    [
      { PRIVACY_MASKS: "0,0,30,20" },
      /start: PRIVACY_MASKS is not a setting; did you mean PRIVACY_MASK\?$/,
    ],
    [{ BACK_PRIVACY_MASK: "0,0,30,20" }, /CAMERA names no camera "back"; .* CAMERA=back=DRIVER$/],
    [{ PRIVACY_MASK: "30,0,0,20" }, /Cannot read PRIVACY_MASK as .* rectangles in per cent/],
    [{ PRIVACY_MASK: ";" }, /Cannot read PRIVACY_MASK as .* rectangles in per cent/],
    [
      { PRIVACY_MASK: "0,0,1,1;".repeat(101) },
      /Cannot read PRIVACY_MASK as at most 100 rectangles/,
    ],
    [{ FRONT_PRIVACY_MASK: "'0,0,1,1'" }, /FRONT_PRIVACY_MASK as .*remove its quotation marks/],
  ] as const;
  for (const [env, expected] of rows) {
    for (const task of ["start", "doctor"]) {
      const { code, stdout, stderr } = await type([task], { CAMERA: "front=emulated", ...env });
      assertEquals([code, stdout, stderr.length], [2, [], 1], `${stderr}`);
      assertMatch(stderr[0]!, expected);
    }
  }
});

Deno.test("the server names a misspelled setting with the error that it causes", async () => {
  const { code, stderr } = await type(["start"], { HOST: "0.0.0.0", AUHT: "me:secret" });
  assertEquals([code, stderr.length], [2, 1]);
  assertMatch(stderr[0]!, /without AUTH: .*; AUHT is not a setting, did you mean AUTH\?$/);
});

Deno.test("the doctor lists the settings and warns of what is wrong with them", async () => {
  const SOURCE = "http://me:secret@192.0.2.1/";
  const { code, stdout } = await type(["doctor"], { AUHT: "me:secret", SOURCE, QUALITY: "90" });
  assertEquals(code, 0);
  assertEquals(stdout[0], "ok       Settings: SOURCE=http://192.0.2.1/… QUALITY=90 PORT=0");
  const text = stdout.join("\n");
  assertStringIncludes(text, "warning  AUHT is not a setting\n         → did you mean AUTH?\n");
  assertStringIncludes(
    text,
    "warning  SOURCE has no effect: driver emulated does not read SOURCE\n",
  );
  assertStringIncludes(text, "→ set CAMERA too, such as CAMERA=mjpeg\n");
  assertEquals(stdout.at(-1), "Warnings: 3");
});

for (
  const [HOST, code, message] of [
    ["0.0.0.0:8080", 2, /"0\.0\.0\.0:8080"; set HOST=0\.0\.0\.0 PORT=8080$/],
    ["localhost:8000", 2, /"localhost:8000"; set HOST=localhost PORT=8000$/],
    ["http://localhost:8000/", 2, /"http:\/\/localhost:8000\/"; set HOST=localhost PORT=8000$/],
    ["[::]:8080", 2, /set HOST=\[::\] PORT=8080$/],
    ["8080", 2, /set PORT=8080$/],
    ["a..b", 2, /^Cannot read HOST as a host name or an address: current value is "a..b"$/],
    ["a%b", 2, /^Cannot read HOST as a host name or an address: current value is "a%b"$/],
    ["é.local", 2, /^Cannot read HOST as a host name or an address: current value is "é.local"$/],
    ["no-such-host.invalid", 1, /^Cannot listen on no-such-host\.invalid:0: HOST must be a name/],
    ["::1:8080", 1, /^Cannot listen on \[::1:8080\]:0: HOST must .*; a port belongs in PORT$/],
  ] as const
) {
  Deno.test(`deno task start reports HOST=${HOST} in one line`, async () => {
    const result = await type(["start"], { HOST, AUTH: "none" });
    assertEquals([result.code, result.stdout, result.stderr.length], [code, [], 1]);
    assertMatch(result.stderr[0]!, message);
  });
}

for (
  const [args, message] of [
    [["CAMERA=pi"], "type CAMERA=pi deno task start"],
    [["--port", "9000"], "type PORT=9000 deno task start"],
    [["-p", "9000"], "type PORT=9000 deno task start"],
    [["--camera", "pi"], "type CAMERA=pi deno task start"],
    [["start"], 'Unknown argument "start": to serve the cameras, type deno task start'],
    [["serve"], 'Unknown argument "serve": to serve the cameras, type deno task start'],
  ] as const
) {
  Deno.test({
    name: `deno task start ${args.join(" ")} says what to type`,
    ignore: Deno.build.os === "windows",
    async fn() {
      const { code, stdout, stderr } = await type(["start", ...args]);
      assertEquals([code, stdout, stderr.length], [2, [], 1]);
      assertStringIncludes(stderr[0]!, message);
    },
  });
}

Deno.test("deno run main.ts without permissions says in one line what to type", async () => {
  for (const flags of [[], ["--no-prompt"], ["--allow-env"], ["--allow-env", "--allow-read"]]) {
    const { code, stdout, stderr } = await run(["run", "-q", ...flags, "main.ts"]);
    assertEquals([code, stdout, stderr.length], [2, [], 1], `${flags}`);
    assertMatch(
      stderr[0]!,
      /^Cannot run without .*: type deno task start, or use deno run --allow-all$/,
    );
  }
});

Deno.test("deno run main.ts without permission to record says in one line what to type", async () => {
  const flags = ["--allow-env", "--allow-read=cameras,lib,static", "--allow-net", "--allow-ffi"];
  const { code, stdout, stderr } = await run(["run", "-q", ...flags, "main.ts"], {
    env: { RECORD_DIR: "/srv/recordings" },
  });
  assertEquals([code, stdout, stderr], [2, [], [
    "Cannot run without Deno's permissions --allow-read and --allow-write and --allow-sys: type " +
    "deno task start, or use deno run --allow-all",
  ]]);
});

Deno.test(
  "deno run main.ts does not ask for permissions in a terminal",
  needing("script"),
  async () => {
    const { stdout } = await new Deno.Command("script", {
      args: ["-qec", `timeout 10 ${Deno.execPath()} run -q main.ts`, "/dev/null"],
      cwd: ROOT,
      env: { NO_COLOR: "1", npm_command: "" },
      stdin: "null",
    }).output();
    const text = new TextDecoder().decode(stdout).trim();
    assertMatch(text, /^Cannot run without Deno's permissions .*--allow-all$/);
  },
);

Deno.test("the tasks explain or read a .env file, and drivers cannot read it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    // The project, with a .env file.
    for (const name of ["cameras", "lib", "static", "main.ts", "deno.json", "deno.lock"]) {
      await Deno.symlink(fromFileUrl(new URL(name, ROOT)), join(folder, name));
    }
    await Deno.writeTextFile(join(folder, ".env"), 'MAX_VIEWERS="7"\r\nAUTH=me:secret\r\n');
    await Deno.mkdir(join(folder, "drivers"));
    await Deno.writeTextFile(join(folder, "drivers/curious.ts"), CURIOUS);
    const start = (task: string) =>
      Server.start({
        command: [Deno.execPath(), "task", "-q", task],
        cwd: folder,
        env: { CAMERA: "curious", CAMERAS_DIR: "drivers", npm_command: "" },
      });
    {
      await using server = await start("start");
      const warning = "Warning: The file .env is not read; it sets MAX_VIEWERS, AUTH; " +
        "to use it, type deno task start:env\n";
      await eventually("the warning", () => server.output.includes(warning));
      const snapshot = await fetch(`${server.url}/snapshot.jpg`);
      assertStringIncludes(await snapshot.text(), "outcome: NotCapable");
      await server.stop();
    }
    {
      await using server = await start("start:env");
      const settings = "PORT=0 AUTH=(set) MAX_VIEWERS=7 CAMERAS_DIR=drivers\n";
      await eventually("the settings", () => server.output.includes(settings));
      assert(!server.output.includes("Warning:"), server.output);
      await server.stop();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the server shortens a refused value of 5,000 characters", async () => {
  const long = "x".repeat(5_000);
  const environments: Record<string, string>[] = [
    { CAMERA: long },
    { CAMERA: `${long}=pi,${long}=pi` },
    { CAMERA: `/${long}` },
    { CAMERA: `${long}=pi` },
    { CAMERA: "mjpeg", SOURCE: long },
    { HOST: `${long}:80` },
    { FPS: long },
    { PORT: `\x1b[31m${long}` },
    { LOG: long },
    { CAMERAS_DIR: `/tmp/${long}` },
    { TLS_CERT: `/tmp/${long}`, TLS_KEY: "k" },
    { ALLOW_ORIGIN: long },
  ];
  for (const env of environments) {
    const { code, stdout, stderr } = await run(["run", "-q", "-A", "main.ts"], { env });
    assertEquals([code, stdout, stderr.length], [2, [], 1], Object.keys(env).join());
    assert(stderr[0]!.length < 400 && !stderr[0]!.includes("\x1b"), stderr[0]);
  }
  const { code, stderr } = await run(["run", "-q", "-A", "main.ts", long]);
  assertEquals([code, stderr.length, stderr[0]!.length < 400], [2, 1, true]);
});

Deno.test("the server shortens the name of an unknown camera and an invalid query value", async () => {
  await using server = await Server.start();
  const long = "x".repeat(5_000);
  for (const path of [`/cameras/${long}/snapshot.jpg`, `/video_feed?fps=${long}`]) {
    const response = await fetch(`${server.url}${path}`);
    const text = await response.text();
    assert([400, 404].includes(response.status) && text.length < 300, text);
    assertStringIncludes(text, `"${"x".repeat(80)}…"`);
  }
});

Deno.test("deno run main.ts doctor without permissions names the task of the doctor", async () => {
  const { stderr } = await run(["run", "-q", "--no-prompt", "main.ts", "doctor"]);
  assertStringIncludes(stderr.join("\n"), ": type deno task doctor, or ");
});

Deno.test("deno task start reports a CAMERA of 5,000 characters in one line", async () => {
  const { code, stdout, stderr } = await type(["start"], { CAMERA: "x".repeat(5_000) });
  assertEquals([code, stdout, stderr.length], [2, [], 1], stderr.join("\n"));
  assertMatch(stderr[0]!, /^Cannot read CAMERA as drivers, .*: current value is "x{80}…"$/);
});

Deno.test("deno run main.ts without the permission to read AUTH says what to type", async () => {
  const { code, stderr } = await run(["run", "-q", "-A", "--deny-env=AUTH", "main.ts"]);
  assertEquals([code, stderr.length], [2, 1], stderr.join("\n"));
  assertStringIncludes(stderr[0]!, "without Deno's permission --allow-env: type ");
});

Deno.test("the server says once that quotation marks do not belong to a value", async () => {
  for (
    const [name, env] of [["ROTATE", { CAMERA: "usb" }], ["SOURCE", { CAMERA: "mjpeg" }]] as const
  ) {
    const { stderr } = await run(["run", "-q", "-A", "main.ts"], {
      env: { ...env, [name]: '"0"' },
    });
    assertEquals(stderr.join("\n").match(/quotation marks/g)?.length, name === "ROTATE" ? 1 : 2);
  }
});

Deno.test("the server reports an empty certificate file", async () => {
  const env = { TLS_CERT: "/dev/null", TLS_KEY: "/dev/null" };
  const { code, stderr } = await run(["run", "-q", "-A", "main.ts"], { env });
  assertEquals([code, stderr], [2, [
    'Cannot read the file of TLS_CERT: "/dev/null": it is empty',
  ]]);
});
