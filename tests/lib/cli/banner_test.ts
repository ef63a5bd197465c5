import { assertEquals } from "@std/assert";
import { banner } from "../../../lib/cli/banner.ts";
import { readConfig } from "../../../lib/config.ts";
import type { Env } from "../../../lib/env.ts";

const URL = "http://127.0.0.1:8000";
const REVIEW = { settings: "Settings: all defaults", warnings: [] };

function bannerFor(env: Env): string[] {
  const options = {
    version: "1.2.3",
    access: "this machine",
    addresses: [URL],
    review: REVIEW,
  } as const;
  return banner(readConfig(env), options).split("\n");
}

Deno.test("banner() names the cameras, and their drivers where these have another name", () => {
  assertEquals(bannerFor({})[0], "dinocam 1.2.3 serves emulated");
  assertEquals(bannerFor({ CAMERA: "pi,back=usb" })[0], "dinocam 1.2.3 serves pi, back (usb)");
});

Deno.test("banner() names the drivers that discover cameras, in the order of CAMERA", () => {
  const { cameras, host } = readConfig({ CAMERA: "pi,back=usb" });
  const options = { version: "1", access: "this machine", addresses: [], review: REVIEW } as const;
  const serves = (positions: number[]) => {
    const groups = positions.map((position, i) => ({ driver: `finder${i}`, position }));
    return banner({ cameras, host }, { ...options, groups }).split("\n")[0];
  };
  assertEquals(
    serves([0, 1, 1, 2]),
    "dinocam 1 serves all cameras of finder0, pi, all cameras of finder1, all cameras of finder2, " +
      "back (usb), all cameras of finder3",
  );
});

Deno.test("banner() shows the addresses of the server", () => {
  const options = { version: "1.2.3", access: "anyone", review: REVIEW } as const;
  const linesFor = (addresses: string[]) =>
    banner(readConfig({}), { ...options, addresses }).split("\n").slice(1, -2);
  assertEquals(linesFor([URL]), ["Watch at http://127.0.0.1:8000/"]);
  assertEquals(linesFor(["http://192.168.1.20:8000", "http://10.0.0.7:8000"]), [
    "Watch at http://192.168.1.20:8000/",
    "      or http://10.0.0.7:8000/",
  ]);
  assertEquals(linesFor([]), ["Watch at the addresses of this machine"]);
});

Deno.test("banner() says who can watch", () => {
  const options = { version: "1.2.3", addresses: [URL], review: REVIEW };
  const linesFor = (env: Env) =>
    (["this machine", "anyone", { user: "me", password: "secret" }] as const).map(
      (access) => banner(readConfig(env), { ...options, access }).split("\n")[2],
    );
  assertEquals(
    linesFor({}).at(-1),
    "Password required: the user name and password of AUTH. Reachable from this machine only. " +
      "To allow your network: HOST=0.0.0.0",
  );
  assertEquals(linesFor({ HOST: "0.0.0.0" }), [
    "Reachable from this machine only. To allow your network: HOST=0.0.0.0 AUTH=user:password",
    "No password required (AUTH=none): anyone who can connect can watch",
    "Password required: the user name and password of AUTH",
  ]);
});

Deno.test("banner() shows the settings in use, and warnings", () => {
  const warning = { variable: "AUHT", text: "AUHT is not a setting", advice: "did you mean AUTH?" };
  const review = { settings: "Settings: PORT=80", warnings: [warning] };
  const options = { version: "1.2.3", access: "anyone", addresses: [URL], review } as const;
  assertEquals(banner(readConfig({}), options).split("\n").slice(3), [
    "Settings: PORT=80",
    "Warning: AUHT is not a setting; did you mean AUTH?",
  ]);
});
