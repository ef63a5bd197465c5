import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../lib/errors.ts";
import { readHost } from "../../lib/host.ts";

const messageFor = (value: string): string =>
  assertThrows(() => readHost({ HOST: value }, "HOST"), ConfigError).message;

Deno.test("readHost() reads names and addresses", () => {
  for (
    const [value, host] of [
      ["localhost", "localhost"],
      [" camera-1.local. ", "camera-1.local."],
      ["0.0.0.0", "0.0.0.0"],
      ["::", "::"],
      ["[::1]", "::1"],
      ["fe80::1%eth0", "fe80::1%eth0"],
      ["", undefined],
    ] as const
  ) assertEquals(readHost({ HOST: value }, "HOST"), host);
});

Deno.test("readHost() says what to set instead of an address with a port, or a URL", () => {
  for (
    const [value, advice] of [
      ["0.0.0.0:8080", "set HOST=0.0.0.0 PORT=8080"],
      ["localhost:8000", "set HOST=localhost PORT=8000"],
      ["[::]:8080", "set HOST=[::] PORT=8080"],
      [":8080", "set PORT=8080"],
      ["8080", "for a port set PORT=8080"],
      ["*", "for all addresses set HOST=0.0.0.0"],
      ["http://camera.local", "set HOST=camera.local"],
      ["https://camera.local:8443/video?x=1", "set HOST=camera.local PORT=8443"],
      ["camera.local:80/", "set HOST=camera.local PORT=80"],
    ] as const
  ) {
    assertEquals(
      messageFor(value),
      `Cannot read HOST as a host name or an address: current value is "${value}"; ${advice}`,
    );
  }
});

Deno.test("readHost() shows no password", () => {
  assertEquals(
    messageFor("http://me:secret@camera.local/"),
    'Cannot read HOST as a host name or an address: current value is "http://…@camera.local/"; ' +
      "set HOST=camera.local",
  );
  assertEquals(
    messageFor("me:secret@camera"),
    'Cannot read HOST as a host name or an address: current value is "…@camera"',
  );
});

Deno.test("readHost() accepts no host that Deno's --allow-net refuses", async () => {
  const valid = [
    "a_b",
    "-x",
    "x.",
    "1.2.3",
    "999.1.1.1",
    "fe80::1%eth0",
    "::1:8080",
    "::ffff:1.2.3.4",
  ];
  const long = ["a".repeat(64), "a.".repeat(130)];
  const invalid = [
    ...[
      "a..b",
      ".",
      "0.0.0.0.",
      "a%b",
      "é.com",
      "*",
      "1::2::3",
      "12345::1",
      "0.0.0.0,::",
      "a b",
      ...long,
    ],
  ];
  for (const value of invalid) messageFor(value);
  const addresses = valid.map((value) => readHost({ HOST: value }, "HOST")!)
    .map((host) => host.includes(":") ? `[${host}]:80` : `${host}:80`);
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", `--allow-net=${addresses.join(",")}`, "-"],
    stdin: "null",
  }).output();
  assertEquals(code, 0);
});
