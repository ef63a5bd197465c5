import { assertEquals, assertThrows } from "@std/assert";
import { readCameraConfig, readConfig, readReusePort } from "../../lib/config.ts";
import type { Env } from "../../lib/env.ts";
import { ConfigError } from "../../lib/errors.ts";

function camerasOf(CAMERA: string): string[] {
  return readConfig({ CAMERA }).cameras.map(({ name, driver }) => `${name}=${driver}`);
}

function messageOf(env: Env): string {
  return assertThrows(() => readConfig(env), ConfigError).message;
}

Deno.test("readConfig() without variables gives one emulated camera, for this machine only", () => {
  const { cameras, host, port, camerasDir } = readConfig({});
  assertEquals([host, port, camerasDir], ["127.0.0.1", 8000, undefined]);
  const [{ name, driver, idleTimeout }] = cameras as [(typeof cameras)[0]];
  assertEquals([cameras.length, name, driver, idleTimeout], [1, "emulated", "emulated", 10_000]);
});

Deno.test("readConfig() reads CAMERA as drivers, or as cameras with their drivers", () => {
  assertEquals(camerasOf("pi"), ["pi=pi"]);
  assertEquals(camerasOf("pi,usb"), ["pi=pi", "usb=usb"]);
  assertEquals(camerasOf(" front = usb , back=usb "), ["front=usb", "back=usb"]);
  assertEquals(camerasOf("front-door-2=my_driver,my_driver"), [
    "front-door-2=my_driver",
    "my-driver=my_driver",
  ]);
});

Deno.test("readConfig() rejects a path, a URL or a package as a driver in CAMERA", () => {
  const invalid = [
    ...["../secret", "./mine.ts", "/etc/passwd", "a/b", "a\\b", "mine.ts", ".."],
    ...[
      "https://example.org/x.ts",
      "file:///x.ts",
      "data:text/javascript,1",
      "npm:hono",
      "jsr:@a/b",
    ],
    ...[
      "node:fs",
      "a b",
      "pi,",
      ",",
      "=pi",
      "front=",
      "a=b=c",
      "fr.ont=pi",
      "fr_ont=pi",
      "-pi",
      "pi%2f",
    ],
  ];
  for (const CAMERA of invalid) {
    const expected = 'Cannot read CAMERA as drivers, as "pi", "pi,usb" or "front=usb,back=pi": ' +
      `current value is ${JSON.stringify(CAMERA)}`;
    assertEquals(messageOf({ CAMERA }), expected);
  }
});

Deno.test("readConfig() rejects two cameras with the same name, in any case", () => {
  for (const [CAMERA, name] of [["pi,pi", "pi"], ["a=pi,A=usb", "A"], ["x=pi,x=usb", "x"]]) {
    assertEquals(
      messageOf({ CAMERA }),
      `Cannot have two cameras called "${name}": name them in CAMERA, as "front=pi,back=pi"`,
    );
  }
});

Deno.test("readConfig() gives each camera its own settings, else those for all cameras", () => {
  const { cameras } = readConfig({
    CAMERA: "front=pi,back=pi,yard=pi",
    FPS: "30",
    FRONT_FPS: "10",
    IDLE_SECONDS: "1.5",
    BACK_IDLE_SECONDS: "never",
    YARD_IDLE_SECONDS: "0",
  });
  assertEquals(cameras.map(({ env }) => env.FPS), ["10", "30", "30"]);
  assertEquals(cameras.map(({ idleTimeout }) => idleTimeout), [1_500, Infinity, 0]);
});

Deno.test("readConfig() tells cameras with a name from drivers without one", () => {
  const { cameras } = readConfig({ CAMERA: "pi,front=usb,usb=usb" });
  assertEquals(cameras.map(({ named }) => named), [false, true, true]);
});

Deno.test("readCameraConfig() reads the settings of a camera by its name, but not its SOURCE", () => {
  const env = {
    FPS: "30",
    FRONT_FPS: "10",
    FRONT_IDLE_SECONDS: "never",
    SOURCE: "1",
    FRONT_SOURCE: "2",
  };
  const read = (name: string, source?: string) =>
    readCameraConfig(env, {}, { name, driver: "usb", source });
  const front = read("front", "3");
  assertEquals([front.name, front.driver, front.named], ["front", "usb", false]);
  assertEquals([front.env.FPS, front.env.SOURCE, front.idleTimeout], ["10", "3", Infinity]);
  const yard = read("yard", "");
  assertEquals([yard.env.FPS, yard.env.SOURCE, yard.idleTimeout], ["30", "", 10_000]);
  assertEquals([read("front").env.SOURCE, read("yard").env.SOURCE], ["2", "1"]);
  assertThrows(
    () => readCameraConfig({ FRONT_IDLE_SECONDS: "x" }, {}, { name: "front", driver: "usb" }),
    ConfigError,
    "FRONT_IDLE_SECONDS",
  );
});

Deno.test("readConfig() reads HOST and PORT", () => {
  for (
    const [HOST, host] of [
      ["0.0.0.0", "0.0.0.0"],
      ["::", "::"],
      ["[::1]", "::1"],
      ["fe80::1%eth0", "fe80::1%eth0"],
      ["camera.local", "camera.local"],
    ]
  ) assertEquals(readConfig({ HOST }).host, host);
  assertEquals([readConfig({ PORT: "0" }).port, readConfig({ PORT: "65535" }).port], [0, 65_535]);
});

Deno.test("readConfig() reads CAMERAS_DIR as a path with spaces, and ignores an empty one", () => {
  assertEquals(readConfig({ CAMERAS_DIR: " /srv/my cameras " }).camerasDir, "/srv/my cameras");
  assertEquals(readConfig({ CAMERAS_DIR: " " }).camerasDir, undefined);
});

Deno.test("readConfig() names the variable and the value that is invalid", () => {
  const idle = 'a number of seconds from 0 to 86400, or "never"';
  for (
    const [env, expected] of [
      [{ PORT: "65536" }, 'PORT as a whole number from 0 to 65535: current value is "65536"'],
      [{ PORT: "http" }, 'PORT as a whole number from 0 to 65535: current value is "http"'],
      [
        { HOST: "http://x" },
        'HOST as a host name or an address: current value is "http://x"; set HOST=x',
      ],
      [
        { PORT: '"80"' },
        'PORT as a whole number from 0 to 65535: current value is "\\"80\\""; ' +
        "remove its quotation marks",
      ],
      [
        { TLS_CERT: "'c.pem'" },
        `TLS_CERT as a path: current value is "'c.pem'"; ` +
        "remove its quotation marks",
      ],
      [{ HOST: "a b" }, 'HOST as a host name or an address: current value is "a b"'],
      [{ IDLE_SECONDS: "-1" }, `IDLE_SECONDS as ${idle}: current value is "-1"`],
      [{ IDLE_SECONDS: "86401" }, `IDLE_SECONDS as ${idle}: current value is "86401"`],
      [{ EMULATED_IDLE_SECONDS: "x" }, `EMULATED_IDLE_SECONDS as ${idle}: current value is "x"`],
    ] as const
  ) assertEquals(messageOf(env), `Cannot read ${expected}`);
});

Deno.test("readConfig() reads TLS_CERT and TLS_KEY only together", () => {
  const { tls } = readConfig({ TLS_CERT: " c.pem ", TLS_KEY: "k.pem" });
  assertEquals([tls, readConfig({}).tls], [{ cert: "c.pem", key: "k.pem" }, undefined]);
  assertEquals(
    messageOf({ TLS_KEY: "k.pem" }),
    "Cannot serve HTTPS with TLS_KEY alone: set TLS_CERT too",
  );
});

Deno.test("readConfig() reads REUSE_PORT, on Linux and with a port", () => {
  assertEquals(readReusePort({}, "REUSE_PORT"), undefined);
  assertEquals(readConfig({}).reusePort, false);
  for (const os of ["linux", "darwin", "windows"] as const) {
    assertEquals(readReusePort({ REUSE_PORT: "off" }, "REUSE_PORT", os), false);
  }
  assertEquals(readReusePort({ REUSE_PORT: "on" }, "REUSE_PORT", "linux"), true);
  for (const os of ["darwin", "windows"] as const) {
    assertThrows(
      () => readReusePort({ REUSE_PORT: "on" }, "REUSE_PORT", os),
      ConfigError,
      "Cannot use REUSE_PORT on this system: only Linux distributes connections among servers",
    );
  }
  assertEquals(
    messageOf({ REUSE_PORT: "yes" }),
    'Cannot read REUSE_PORT as "on" or "off": current value is "yes"',
  );
  if (Deno.build.os !== "linux") return;
  assertEquals(readConfig({ REUSE_PORT: "on" }).reusePort, true);
  assertEquals(
    messageOf({ REUSE_PORT: "on", PORT: "0" }),
    "Cannot use REUSE_PORT with PORT=0: each server would get another port; set PORT",
  );
});

Deno.test("readConfig() reads the choices of LOG and SEND_QUEUE", () => {
  const choices = (env: Env) => [readConfig(env).log, readConfig(env).sendQueue];
  assertEquals(choices({}), ["text", "short"]);
  assertEquals(choices({ LOG: "json", SEND_QUEUE: "system" }), ["json", "system"]);
  assertEquals(
    messageOf({ LOG: "xml" }),
    'Cannot read LOG as "text" or "json": current value is "xml"',
  );
});

Deno.test("readConfig() reads ALLOW_ORIGIN as origins", () => {
  const origins = (ALLOW_ORIGIN?: string) => readConfig({ ALLOW_ORIGIN }).allowOrigin;
  assertEquals(origins(), []);
  assertEquals(origins("*"), "*");
  assertEquals(origins("https://a, http://10.0.0.2:8080/"), ["https://a", "http://10.0.0.2:8080"]);
  for (const invalid of ["a.local", "https://a/page", "https://a?", "ftp://a"]) {
    assertEquals(
      messageOf({ ALLOW_ORIGIN: invalid }),
      'Cannot read ALLOW_ORIGIN as origins, as "https://mainsail.local,http://10.0.0.2:8080", or ' +
        `"*": current value is "${invalid}"`,
    );
  }
});
