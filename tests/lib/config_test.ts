import { assertEquals, assertThrows } from "@std/assert";
import { readConfig } from "../../lib/config.ts";
import type { Env } from "../../lib/env.ts";
import { ConfigError } from "../../lib/errors.ts";

function camerasOf(CAMERA: string): string[] {
  return readConfig({ CAMERA }).cameras.map(({ name, driver }) => `${name}=${driver}`);
}

function messageOf(env: Env): string {
  return assertThrows(() => readConfig(env), ConfigError).message;
}

Deno.test("readConfig() without a variable: one emulated camera, for this machine only", () => {
  const { cameras, host, port, camerasDir } = readConfig({});
  assertEquals([host, port, camerasDir], ["127.0.0.1", 8000, undefined]);
  const [{ name, driver, idleTimeout }] = cameras as [(typeof cameras)[0]];
  assertEquals([cameras.length, name, driver, idleTimeout], [1, "emulated", "emulated", 10_000]);
});

Deno.test("CAMERA names drivers, or cameras and their drivers", () => {
  assertEquals(camerasOf("pi"), ["pi=pi"]);
  assertEquals(camerasOf("pi,usb"), ["pi=pi", "usb=usb"]);
  assertEquals(camerasOf(" front = usb , back=usb "), ["front=usb", "back=usb"]);
  assertEquals(camerasOf("front-door-2=my_driver,my_driver"), [
    "front-door-2=my_driver",
    "my-driver=my_driver",
  ]);
});

Deno.test("CAMERA takes no path, URL, package or other thing for a driver", () => {
  const refused = [
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
  for (const CAMERA of refused) {
    const expected = 'Cannot read CAMERA as drivers, as "pi", "pi,usb" or "front=usb,back=pi": ' +
      `current value is ${JSON.stringify(CAMERA)}`;
    assertEquals(messageOf({ CAMERA }), expected);
  }
});

Deno.test("CAMERA gives no two cameras the same name, whatever its case", () => {
  for (const [CAMERA, name] of [["pi,pi", "pi"], ["a=pi,A=usb", "A"], ["x=pi,x=usb", "x"]]) {
    assertEquals(
      messageOf({ CAMERA }),
      `Cannot have two cameras called "${name}": name them in CAMERA, as "front=pi,back=pi"`,
    );
  }
});

Deno.test("Each camera has the settings of its own, those for all, and its own idle time", () => {
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

Deno.test("HOST and PORT say where to listen", () => {
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

Deno.test("CAMERAS_DIR is a folder, or not set", () => {
  assertEquals(readConfig({ CAMERAS_DIR: " /srv/my cameras " }).camerasDir, "/srv/my cameras");
  assertEquals(readConfig({ CAMERAS_DIR: " " }).camerasDir, undefined);
});

Deno.test("A variable that cannot be is refused with its name and value", () => {
  const idle = 'a number of seconds from 0 to 86400, or "never"';
  for (
    const [env, expected] of [
      [{ PORT: "65536" }, 'PORT as a whole number from 0 to 65535: current value is "65536"'],
      [{ PORT: "http" }, 'PORT as a whole number from 0 to 65535: current value is "http"'],
      [{ HOST: "http://x" }, 'HOST as a host name or an address: current value is "http://x"'],
      [{ HOST: "a b" }, 'HOST as a host name or an address: current value is "a b"'],
      [{ IDLE_SECONDS: "-1" }, `IDLE_SECONDS as ${idle}: current value is "-1"`],
      [{ IDLE_SECONDS: "86401" }, `IDLE_SECONDS as ${idle}: current value is "86401"`],
      [{ EMULATED_IDLE_SECONDS: "x" }, `EMULATED_IDLE_SECONDS as ${idle}: current value is "x"`],
    ] as const
  ) assertEquals(messageOf(env), `Cannot read ${expected}`);
});
