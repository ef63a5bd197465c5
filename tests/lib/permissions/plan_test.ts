import { assertEquals } from "@std/assert";
import type { Permissions } from "../../../lib/permissions/flags.ts";
import { planPermissions } from "../../../lib/permissions/plan.ts";

const SET: Permissions = {
  read: ["cameras", ".env"],
  write: [],
  listen: undefined,
  connect: true,
  run: true,
  sys: ["networkInterfaces"],
  ffi: ["/linux/libc", "/macos/libc"],
};

const NEEDED: Permissions = {
  read: ["cameras"],
  write: [],
  listen: "127.0.0.1:8000",
  connect: [],
  run: [],
  sys: [],
  ffi: ["/linux/libc"],
};

const RUN = { name: "run" } as const;
const INTERFACES = { name: "sys", kind: "networkInterfaces" } as const;
const OTHER_LIBRARY = { name: "ffi", path: "/macos/libc" } as const;
const NET = { name: "net" } as const;

for (
  const [name, needed, now, listening] of [
    ["what is not needed", {}, [RUN, INTERFACES, OTHER_LIBRARY], [NET]],
    ["no programs where any can run", { run: true }, [INTERFACES, OTHER_LIBRARY], [NET]],
    [
      "no net where servers are connected to",
      { connect: true },
      [RUN, INTERFACES, OTHER_LIBRARY],
      [],
    ],
    ["no sys that is needed", { sys: ["networkInterfaces"] }, [RUN, OTHER_LIBRARY], [NET]],
    ["nothing that is all needed", { ...SET, listen: "[::1]:80" }, [], []],
  ] as const
) {
  Deno.test(`planPermissions() gives up ${name}`, () => {
    assertEquals(planPermissions({ ...NEEDED, ...needed }, SET), { now, listening });
  });
}

for (
  const [name, needed] of [
    ["a path to read", { read: ["cameras", "/etc/cert.pem"] }],
    ["a path to write", { write: ["/srv/recordings"] }],
    ["single servers", { connect: ["hub.example:4222"] }],
    ["single programs", { run: ["ffmpeg"] }],
    ["another kind of sys", { sys: ["networkInterfaces", "statfs"] }],
    ["another library", { ffi: ["/other/libc"] }],
  ] as const
) {
  Deno.test(`planPermissions() replaces the process for ${name}`, () => {
    assertEquals(planPermissions({ ...NEEDED, ...needed }, SET), "replace");
  });
}
