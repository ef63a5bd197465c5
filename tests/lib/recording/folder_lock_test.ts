import { assert, assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../../lib/errors.ts";
import { createLog } from "../../../lib/log.ts";
import { openFolder } from "../../../lib/recording/folder_lock.ts";
import { ManualClock } from "../../manual_clock.ts";

Deno.test("openFolder creates the folder, marks and locks it", () => {
  using folder = new Folder();
  const root = `${folder.path}/recordings`;
  const lock = open(root);
  assert(Deno.readTextFileSync(`${root}/.dinocam`).startsWith("Recordings of dinocam"));
  assertEquals(
    refusal(root),
    `Cannot record in "${root}": another dinocam server records there; ` +
      "stop it, or choose another RECORD_DIR",
  );
  lock[Symbol.dispose]();
  open(root)[Symbol.dispose]();
});

Deno.test("openFolder takes a folder with other files, and leaves them", () => {
  using folder = new Folder();
  Deno.writeTextFileSync(`${folder.path}/holiday.jpg`, "x");
  open(folder.path)[Symbol.dispose]();
  assertEquals(Deno.readTextFileSync(`${folder.path}/holiday.jpg`), "x");
});

Deno.test("openFolder refuses a file, and a folder without a parent", () => {
  using folder = new Folder();
  Deno.writeTextFileSync(`${folder.path}/file`, "x");
  const cases = [
    ["file", "it is not a folder; choose another RECORD_DIR"],
    ["file/x", "a part of the path is not a folder; choose another RECORD_DIR"],
    [
      "missing/recordings",
      "its parent folder does not exist; create it, mount its disk, or choose another RECORD_DIR",
    ],
  ];
  Deno.symlinkSync("nowhere", `${folder.path}/link`);
  cases.push([
    "link",
    "it is a link to a folder that does not exist; " +
    "create that folder, mount its disk, or choose another RECORD_DIR",
  ]);
  for (const [name, reason] of cases) {
    const root = `${folder.path}/${name}`;
    assertEquals(refusal(root), `Cannot record in "${root}": ${reason}`);
  }
});

Deno.test("openFolder says that a ~ was not replaced, as in a .env file", () => {
  const reason = 'no shell has replaced the "~"; write the whole path';
  assertEquals(refusal("~/recordings"), `Cannot record in "~/recordings": ${reason}`);
});

Deno.test("openFolder refuses a folder that cannot be written to", () => {
  using folder = new Folder();
  const cases = [
    [new Deno.errors.PermissionDenied("no"), "permission denied; give this user write access, or "],
    [Object.assign(new Error("no"), { code: "EROFS" }), "its file system is read-only; "],
    [Object.assign(new Error("no space left"), { code: "ENOSPC" }), "no space left; "],
  ] as const;
  for (const [error, reason] of cases) {
    using _ = replaceOpen(() => {
      throw error;
    });
    const expected = `Cannot record in "${folder.path}": ${reason}choose another RECORD_DIR`;
    assertEquals(refusal(folder.path), expected);
  }
});

Deno.test("openFolder warns where files cannot be locked", () => {
  using folder = new Folder();
  const lines: string[] = [];
  const { openSync } = Deno;
  using _ = replaceOpen((...args) => {
    const file = openSync(...args);
    file.tryLockSync = () => {
      throw new Error("not supported");
    };
    return file;
  });
  open(folder.path, lines)[Symbol.dispose]();
  assertEquals(lines.length, 1);
  assert(lines[0]!.includes("warn recording without a lock"), lines[0]);
});

Deno.test("the lock ends with the process that holds it", async () => {
  using folder = new Folder();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--ext=ts", HOLDER, folder.path],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  assert(refusal(folder.path).includes("another dinocam server"));
  child.kill("SIGKILL");
  await child.status;
  await reader.cancel();
  open(folder.path)[Symbol.dispose]();
});

const HOLDER = `
  import { openFolder } from ${
  JSON.stringify(new URL("../../../lib/recording/folder_lock.ts", import.meta.url))
};
  const log = { info() {}, warn() {}, error() {} };
  globalThis.lock = openFolder(Deno.args[0], { log });
  console.log("locked");
  setInterval(() => {}, 1000);
`;

function open(root: string, lines: string[] = []): Disposable {
  const log = createLog({ clock: new ManualClock(), write: (line) => lines.push(line) });
  return openFolder(root, { log });
}

function refusal(root: string): string {
  return assertThrows(() => open(root), ConfigError).message;
}

/** A temporary folder. */
class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync();

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** Replaces `Deno.openSync` until it is disposed of. */
function replaceOpen(fake: typeof Deno.openSync): Disposable {
  const original = Deno.openSync;
  Deno.openSync = fake;
  return { [Symbol.dispose]: () => void (Deno.openSync = original) };
}
