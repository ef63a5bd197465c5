import { assertEquals } from "@std/assert";
import {
  describeServer,
  type NetworkInterface,
  serverAddresses,
} from "../../../lib/cli/server_address.ts";
import { readConfig } from "../../../lib/config.ts";

const INTERFACES: NetworkInterface[] = [
  { family: "IPv4", address: "127.0.0.1" },
  { family: "IPv6", address: "::1" },
  { family: "IPv6", address: "2001:db8::20" },
  { family: "IPv6", address: "fe80::1234" },
  { family: "IPv4", address: "192.168.1.20" },
  { family: "IPv4", address: "169.254.7.7" },
  { family: "IPv4", address: "10.0.0.7" },
];

const TLS = { TLS_CERT: "c.pem", TLS_KEY: "k.pem" };

Deno.test("serverAddresses() returns the host that the server listens on", () => {
  for (
    const [env, address] of [
      [{}, "http://127.0.0.1:8123"],
      [{ HOST: "::1" }, "http://[::1]:8123"],
      [{ HOST: "camera.local", ...TLS }, "https://camera.local:8123"],
    ] as const
  ) assertEquals(serverAddresses(readConfig(env), 8123, INTERFACES), [address]);
});

Deno.test("serverAddresses() returns the machine's network addresses if the server listens on all", () => {
  const all = readConfig({ HOST: "0.0.0.0", ...TLS });
  const ipv4 = ["https://192.168.1.20:8123", "https://10.0.0.7:8123"];
  assertEquals(serverAddresses(all, 8123, INTERFACES), ipv4);
  const both = readConfig({ HOST: "::", ...TLS });
  const ipv6 = "https://[2001:db8::20]:8123";
  assertEquals(serverAddresses(both, 8123, INTERFACES), [...ipv4, ipv6]);
  assertEquals(serverAddresses(all, 8123, []), []);
});

Deno.test("describeServer() says whether clients need a password, and where they can be", () => {
  const infoFor = (access: Parameters<typeof describeServer>[1]) => {
    const { auth, reachable } = describeServer(readConfig({}), access, 8000);
    return { auth, reachable };
  };
  assertEquals(infoFor("this machine"), { auth: false, reachable: "this machine" });
  assertEquals(infoFor("anyone"), { auth: false, reachable: "network" });
  assertEquals(infoFor({ user: "me", password: "x" }), { auth: true, reachable: "network" });
});
