import { assert, assertEquals, assertFalse, assertMatch, assertThrows } from "@std/assert";
import { ConfigError } from "../../../lib/errors.ts";
import {
  describeHub,
  isLocalHost,
  NATS_SETTINGS,
  type PublishValue,
  readCertificates,
  readHubAddresses,
  requirePublishable,
} from "../../../lib/nats/settings.ts";

/** Reads `NATS_URL`, with defaults for what a test does not name. */
function read(text: string) {
  return readHubAddresses({ NATS_URL: text })!.map(({ credentials, ...address }) => ({
    ...address,
    ...credentials,
  }));
}

Deno.test("readHubAddresses() reads schemes, ports, user names, passwords and tokens", () => {
  assertEquals(readHubAddresses({}), undefined);
  assertEquals(readHubAddresses({ NATS_URL: " " }), undefined);
  const nats = { scheme: "nats", port: 4222, path: "" };
  const tls = { ...nats, scheme: "tls" };
  const cases: [string, ...Record<string, unknown>[]][] = [
    ["nats://hub", { ...nats, host: "hub" }],
    ["hub:5000", { ...nats, host: "hub", port: 5000 }],
    ["NATS://[FD00::1]:5000/", { ...nats, host: "fd00::1", port: 5000 }],
    ["tls://shed:pass@hub.example", {
      ...tls,
      host: "hub.example",
      user: "shed",
      password: "pass",
    }],
    ["tls://t0ken@hub.example", { ...tls, host: "hub.example", token: "t0ken" }],
    ["tls://u:p@ss:w%2Frd%@hub", { ...tls, host: "hub", user: "u", password: "p@ss:w/rd%" }],
    ["tls://u:a,b@hub", { ...tls, host: "hub", user: "u", password: "a,b" }],
    ["tls://u:@hub", { ...tls, host: "hub", user: "u", password: "" }],
    ["tls://@hub", { ...tls, host: "hub" }],
    ["ws://hub", { scheme: "ws", host: "hub", port: 80, path: "/" }],
    ["wss://hub.example/nats?a=1#x", {
      scheme: "wss",
      host: "hub.example",
      port: 443,
      path: "/nats?a=1",
    }],
    [
      "tls://u:p@a, b:5000 ,nats://c",
      { ...tls, host: "a", user: "u", password: "p" },
      { ...tls, host: "b", port: 5000, user: "u", password: "p" },
      { ...nats, host: "c" },
    ],
  ];
  for (const [text, ...expected] of cases) {
    assertEquals([text, read(text)], [text, expected] as never);
  }
});

Deno.test("readHubAddresses() refuses what is no address in one line without the value", () => {
  const cases: [string, RegExp][] = [
    ["http://u:hunter2@hub", /: it must begin with nats:\/\/, tls:\/\/, wss:\/\/ or ws:\/\/$/],
    ["mqtt://u:hunter2@hub", /: it must begin with /],
    ["tls://u:hunter2@", /: the host is missing$/],
    ["nats://:4222", /: its host or port is invalid$/],
    ["tls://u:hunter2@hub:0", /: its host or port is invalid$/],
    ["tls://u:hunter2@hub:70000", /: its host or port is invalid$/],
    ["tls://u:hunter2@hub:4222:1", /: its host or port is invalid$/],
    ["tls://u:hunter2@h ub", /contains a space/],
    ["tls://u:hun/ter2@hub", /: in a user name or a password write \/ as %2F/],
    ["tls://u:hunter2@hub/path", /: an address with tls:\/\/ ends after the port$/],
    ["tls://:hunter2@hub", /: the user's name is missing before the colon$/],
    ['"tls://u:hunter2@hub"', /: remove its quotation marks$/],
    ["tls://u:hunter2@a,http://b", /: it must begin with /],
    ["nats://u:hunter2@hub.example", /^Cannot use nats:\/\/ .* "hub.example", .*: use tls:\/\/$/],
    ["nats://hunter2@1.2.3.4", /^Cannot use nats:\/\/ .* "1.2.3.4", .*: use tls:\/\/$/],
    ["ws://u:hunter2@hub.example", /: use wss:\/\/$/],
    ["tls://u:hunter2@a.example,nats://u:hunter2@b.example", /"b.example"/],
  ];
  for (const [text, expected] of cases) {
    const error: Error = assertThrows(() => readHubAddresses({ NATS_URL: text }), ConfigError);
    assertMatch(error.message, expected);
    assertFalse(/hunter2|ter2/.test(error.message), error.message);
    assertFalse(error.message.includes("\n"));
    assertEquals(describeHub(text), undefined);
  }
  assertThrows(
    () => readHubAddresses({ NATS_URL: "tls://hub", NATS_CREDS: "/etc/user.creds" }),
    ConfigError,
    "Cannot use NATS_CREDS, as files with credentials are not supported",
  );
});

Deno.test("isLocalHost() is true for this machine, local networks and their names only", () => {
  const local =
    "hub localhost a.localhost raspberrypi.local nas.lan nas.home a.home.arpa db.internal hub.local. 127.0.0.1 " +
    "127.9.9.9 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.2 169.254.1.1 100.64.0.1 100.127.0.1 ::1 fd12::1 " +
    "fc00::1 fe80::1 febf::1 ::ffff:a00:1";
  const remote =
    "hub.example a.local.example local.com 8.8.8.8 172.15.0.1 172.32.0.1 192.169.0.1 100.63.0.1 " +
    "100.128.0.1 11.0.0.1 2001:db8::1 fec0::1 ::ffff:808:808 fd.example 10.0.0.1.example";
  for (const host of local.split(" ")) assert(isLocalHost(host), host);
  for (const host of remote.split(" ")) assertFalse(isLocalHost(host), host);
  // Hosts are as URL has them: no other notation of an address gets through.
  assertEquals(read("nats://u:p@0x7f.1")[0]!.host, "127.0.0.1");
  assertThrows(() => read("nats://u:p@134744072"), ConfigError, '"8.8.8.8"');
});

Deno.test("the permission for NATS_URL is that for its hosts", () => {
  const { permissions } = NATS_SETTINGS.url;
  assertEquals(permissions("tls://u:p@a,wss://b,ws://[::1],nats://a:4222"), {
    net: ["a:4222", "b:443", "[::1]:80"],
  });
  assertEquals(permissions("http://x"), { net: [] });
});

Deno.test("describeHub() shows no credentials", () => {
  assertEquals(
    describeHub("tls://u:hunter2@a,b:5000,wss://t0ken@c/secret"),
    "tls://a:4222,tls://b:5000,wss://c:443",
  );
});

Deno.test("requirePublishable() refuses unknown cameras, and those of the hub", () => {
  const cameras = [{ name: "front", driver: "usb" }, { name: "remote", driver: "nats" }];
  const check = (publish: PublishValue | undefined, ...groups: string[]) =>
    requirePublishable(publish, { cameras, groups: groups.map((driver) => ({ driver })) });
  check(undefined);
  check("all");
  check(["front"]);
  check(["later"], "finder");
  assertThrows(
    () => check(["front", "yard"], "nats"),
    ConfigError,
    'Cannot publish camera "yard" of PUBLISH: CAMERA names front',
  );
  for (const groups of [[], ["finder"]]) {
    assertThrows(
      () => check(["remote"], ...groups),
      ConfigError,
      'Cannot publish camera "remote" of PUBLISH: it comes from the hub itself',
    );
  }
});

Deno.test("PUBLISH is all, or names", () => {
  const read = (PUBLISH?: string) => NATS_SETTINGS.publish.read({ PUBLISH }, "PUBLISH");
  assertEquals([read(), read("all"), read("front, yard")], [undefined, "all", ["front", "yard"]]);
  assertThrows(() => read("front yard"), ConfigError, 'as cameras, as "front,yard", or "all"');
});

Deno.test("readCertificates() refuses a file without a certificate", async () => {
  assertEquals(readCertificates(undefined), undefined);
  const folder = await Deno.makeTempDir();
  assertThrows(
    () => readCertificates(`${folder}/none.pem`),
    ConfigError,
    "Cannot read the file of NATS_CA: no such file",
  );
  await Deno.writeTextFile(`${folder}/empty.pem`, "");
  assertThrows(() => readCertificates(`${folder}/empty.pem`), ConfigError, "no certificate in PEM");
  await Deno.remove(folder, { recursive: true });
});
