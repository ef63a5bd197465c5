import { assertEquals, assertStringIncludes } from "@std/assert";
import { driverFolders, DriverRegistry } from "../../../lib/camera/registry.ts";
import { DRIVERS, explainArguments } from "../../../lib/cli/arguments.ts";

const LINUX = { os: "linux", standalone: false, npx: false } as const;
const BINARY = { ...LINUX, standalone: true };
const WINDOWS = { ...LINUX, os: "windows" } as const;
const PREFIX = "Settings are environment variables, not arguments: type ";

function explain(line: string, launcher: Parameters<typeof explainArguments>[2] = LINUX): string {
  const args = line.split(" ");
  return explainArguments(args, args.find((arg) => arg !== "doctor")!, launcher);
}

Deno.test("explainArguments() says how to set the variables that arguments stand for", () => {
  for (
    const [args, typed] of [
      ["CAMERA=pi", "CAMERA=pi"],
      ["camera=pi", "CAMERA=pi"],
      ["CAMREA=pi", "CAMERA=pi"],
      ["--port 9000", "PORT=9000"],
      ["--port=9000", "PORT=9000"],
      ["-p 9000", "PORT=9000"],
      ["--camera pi -p 9000", "CAMERA=pi PORT=9000"],
      ["-c pi", "CAMERA=pi"],
      ["--max-viewers 5 --tls-cert c.pem", "MAX_VIEWERS=5 TLS_CERT=c.pem"],
      ["CAMERA=front=pi FRONT_FPS=5", "CAMERA=front=pi FRONT_FPS=5"],
      ["start CAMERA=pi", "CAMERA=pi"],
      ["pi", "CAMERA=pi"],
      ["usb,pi 9000", "CAMERA=usb,pi PORT=9000"],
      ["-p9000", "PORT=9000"],
      ["PORT 9000", "PORT=9000"],
      ["$env:PORT=9000", "PORT=9000"],
      ["/dev/video0", "CAMERA=usb SOURCE=/dev/video0"],
      ["http://me:secret@cam/v?key=1", "CAMERA=mjpeg SOURCE=http://cam/…"],
      ["rtsp://me:s#cret@cam/", "CAMERA=opencv SOURCE=…"],
      ["--port", "PORT=…"],
      ["--port --camera pi", "PORT=… CAMERA=pi"],
      ["ALLOW_ORIGIN=*", "ALLOW_ORIGIN='*'"],
    ] as const
  ) assertEquals([args, explain(args)], [args, `${PREFIX}${typed} deno task start`]);
  assertEquals(explain("doctor CAMERA=pi"), `${PREFIX}CAMERA=pi deno task doctor`);
  assertEquals(explain("CAMERA=pi", BINARY), `${PREFIX}CAMERA=pi ./dinocam`);
  assertEquals(explain("doctor CAMERA=pi", BINARY), `${PREFIX}CAMERA=pi ./dinocam doctor`);
  assertEquals(
    explain("CAMERA=pi", { ...LINUX, npx: true }),
    `${PREFIX}CAMERA=pi npx deno task start`,
  );
});

Deno.test("explainArguments() shows the commands of PowerShell and cmd on Windows", () => {
  assertEquals(
    explain("CAMERA=usb PORT=9000", WINDOWS),
    `${PREFIX}$env:CAMERA="usb"; $env:PORT="9000"; deno task start (PowerShell), or ` +
      "set CAMERA=usb&& set PORT=9000&& deno task start (cmd)",
  );
});

Deno.test("explainArguments() shows no password, and no long value", () => {
  assertEquals(
    explain("AUTH=me:secret SOURCE=http://me:secret@camera/?pwd=KEY"),
    `${PREFIX}AUTH=user:password SOURCE=http://camera/… deno task start`,
  );
  assertEquals(explain("--source me:secret@camera"), `${PREFIX}SOURCE=… deno task start`);
  assertEquals(
    explain(`CAMERA=${"x".repeat(5_000)}`),
    `${PREFIX}CAMERA=${"x".repeat(80)}… deno task start`,
  );
  assertEquals(
    explain("x".repeat(5_000)),
    `Unknown argument "${"x".repeat(80)}…": expected doctor, --list-cameras, --help or --version`,
  );
});

Deno.test("explainArguments() explains the arguments of other programs", () => {
  for (const word of ["start", "serve", "run"]) {
    assertEquals(
      explain(word),
      `Unknown argument "${word}": to serve the cameras, type deno task start`,
    );
  }
  assertEquals(explain("-V"), 'Unknown argument "-V": did you mean --version?');
  assertEquals(explain("help"), 'Unknown argument "help": did you mean --help?');
  for (const option of ["--env-file", "--env-file=.env", "--env"]) {
    assertEquals(
      explain(option),
      `Unknown argument "${option}": to read settings from .env, type deno task start:env`,
    );
  }
  assertEquals(
    explain("doctor --env-file", BINARY),
    'Unknown argument "--env-file": to read settings from .env, type ' +
      "set -a; . ./.env; set +a; ./dinocam doctor",
  );
});

Deno.test("explainArguments() knows a setting and its value in one argument", () => {
  assertEquals(
    explainArguments(["--camera pi"], "--camera pi", LINUX),
    `${PREFIX}CAMERA=pi deno task start`,
  );
});

Deno.test("explainArguments() knows the built-in drivers", () => {
  const drivers = DriverRegistry.open(driverFolders(undefined, false));
  assertEquals(DRIVERS, drivers.names);
});

Deno.test("explainArguments() shows no address, and where Deno's permissions belong", () => {
  assertStringIncludes(explain("x=http://a:secret@c"), "Unknown argument (an address): expected");
  for (const flag of ["-A", "--allow-all", "--allow-net=x"]) {
    assertStringIncludes(explain(flag), "Deno's permissions belong before main.ts");
  }
});
