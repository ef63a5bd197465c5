import { assert, assertEquals } from "@std/assert";
import { LINUX_LIBRARIES } from "../../../lib/libc.ts";
import { releaseMemory } from "../../../lib/memory/release.ts";
import { leftOut } from "../../parts.ts";

const LINUX = Deno.build.os === "linux" ? { ignore: false } : leftOut("Linux, as /proc does");

const MODULES = ["libc.ts", "memory/release.ts"].map((file) =>
  import.meta.resolve(`../../../lib/${file}`)
);

/**
 * Leaves 40 MB free in the middle of the C library's heap. For each line of input, it releases
 * memory and uses varied parts of the program: HTTP, Intl, RegExp, WebAssembly.
 */
const PROGRAM = `
import { openLibc } from "${MODULES[0]}";
import { releaseMemory } from "${MODULES[1]}";

async function work() {
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () => new Response("ok"),
  );
  const response = await fetch("http://127.0.0.1:" + server.addr.port);
  const month = new Date(0).toLocaleDateString("de", { month: "long", timeZone: "UTC" });
  const { initial } = /^(?<initial>\\p{Lu})/u.exec("\u00c4rger").groups;
  const wasm = new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
  return [await response.text(), month, initial, String(wasm)].join();
}

const { malloc, memset, free } = openLibc({
  malloc: { parameters: ["usize"], result: "usize" },
  memset: { parameters: ["usize", "i32", "usize"], result: "usize" },
  free: { parameters: ["usize"], result: "void" },
}).symbols;
const blocks = Array.from({ length: 10_001 }, () => memset(malloc(4_000n), 1, 4_000n));
for (const block of blocks.slice(0, -1)) free(block); // what is last stays, and all below with it

console.log(await work());
for await (const _ of Deno.stdin.readable) console.log(releaseMemory(), await work());
`;

Deno.test(
  "releaseMemory releases free heap and the program's pages, which come back when used",
  LINUX,
  async () => {
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/program.ts`, PROGRAM);
    const ffi = `--allow-ffi=${LINUX_LIBRARIES}`;
    await using child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--no-prompt", "--allow-net=127.0.0.1", ffi, `${folder}/program.ts`],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const input = child.stdin.getWriter();
    const worked = "ok,Januar,\u00c4,[object WebAssembly.Module]\n";
    assertEquals((await output.read()).value, worked);
    const before = await residentMemory(child.pid);
    for (let turn = 0; turn < 3; turn++) {
      await input.write(new Uint8Array([10]));
      assertEquals((await output.read()).value, `true ${worked}`);
      const { RssFile, RssAnon } = await residentMemory(child.pid);
      assert(RssFile < 0.8 * before.RssFile, `${RssFile} of ${before.RssFile} kB of files`);
      assert(RssAnon < before.RssAnon - 30_000, `${RssAnon} of ${before.RssAnon} kB of heap`);
    }
    await input.close();
    assertEquals((await output.read()).done, true);
    assertEquals((await child.status).code, 0);
    await Deno.remove(folder, { recursive: true });
  },
);

Deno.test({
  name: "releaseMemory does nothing without the permission, and never prompts",
  permissions: "none",
  fn: () => assertEquals(releaseMemory(), false),
});

/** Reads the resident memory of a process, in kB. */
async function residentMemory(pid: number): Promise<{ RssAnon: number; RssFile: number }> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const read = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)![1]);
  return { RssAnon: read("RssAnon"), RssFile: read("RssFile") };
}
