import { assertEquals } from "@std/assert";
import { banner } from "../../../lib/cli/banner.ts";
import { readConfig } from "../../../lib/config.ts";
import type { Env } from "../../../lib/env.ts";

const REVIEW = { settings: "Settings: all defaults", warnings: [] };

function bannerFor(env: Env): string[] {
  const options = { version: "1.2.3", access: "this machine", port: 8000, review: REVIEW } as const;
  return banner(readConfig(env), options).split("\n");
}

Deno.test("banner() names the cameras, and their drivers where these have another name", () => {
  assertEquals(bannerFor({})[0], "dinocam 1.2.3 serves emulated");
  assertEquals(bannerFor({ CAMERA: "pi,back=usb" })[0], "dinocam 1.2.3 serves pi, back (usb)");
});

Deno.test("banner() shows the address of the server", () => {
  const tls = { TLS_CERT: "c.pem", TLS_KEY: "k.pem" };
  for (
    const [env, url] of [
      [{}, "http://127.0.0.1:8000/"],
      [{ HOST: "::1" }, "http://[::1]:8000/"],
      [{ HOST: "::" }, "http://<this machine's address>:8000/"],
      [{ HOST: "0.0.0.0", ...tls }, "https://<this machine's address>:8000/"],
    ] as const
  ) assertEquals(bannerFor(env)[1], `Watch at ${url}`);
});

Deno.test("banner() says who can watch", () => {
  const options = { version: "1.2.3", port: 8000, review: REVIEW };
  const lines = (["this machine", "anyone", { user: "me", password: "secret" }] as const).map(
    (access) => banner(readConfig({}), { ...options, access }).split("\n")[2],
  );
  assertEquals(lines, [
    "Reachable from this machine only. To allow your network: HOST=0.0.0.0 AUTH=user:password",
    "No password required (AUTH=none): anyone who can connect can watch",
    "Password required: the user name and password of AUTH",
  ]);
});

Deno.test("banner() shows the settings in use, and warnings", () => {
  const warning = { variable: "AUHT", text: "AUHT is not a setting", advice: "did you mean AUTH?" };
  const review = { settings: "Settings: PORT=80", warnings: [warning] };
  const options = { version: "1.2.3", access: "anyone", port: 80, review } as const;
  assertEquals(banner(readConfig({}), options).split("\n").slice(3), [
    "Settings: PORT=80",
    "Warning: AUHT is not a setting; did you mean AUTH?",
  ]);
});
