import { assert, assertEquals, assertLess } from "@std/assert";
import { needing } from "./parts.ts";
import { ROOT } from "./server.ts";

const UNIT = new URL(".github/dinocam.service", ROOT);

Deno.test(
  "the systemd unit is valid and has a low exposure level",
  needing("systemd-analyze"),
  async () => {
    const text = await Deno.readTextFile(UNIT);
    // systemd-analyze requires only that the program exists.
    const file = await Deno.makeTempFile({ suffix: ".service" });
    await Deno.writeTextFile(file, text.replace("/usr/local/bin/dinocam", "/bin/true"));
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await new Deno.Command("systemd-analyze", { args }).output();
      const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      return { code, text: decode(stdout) + decode(stderr) };
    };
    // The only folder to write to; and longer than the server's own grace periods, which are 6 s.
    for (const line of ["StateDirectory=dinocam", "ProtectSystem=strict", "TimeoutStopSec=10"]) {
      assert(text.split("\n").includes(line), line);
    }
    const verified = await run("verify", "--man=no", file);
    assertEquals(verified.text.split("\n").filter((line) => line.includes(file)), []);
    const { text: table } = await run("security", "--offline=true", "--no-pager", file);
    const [, exposure] = /Overall exposure level for \S+: ([\d.]+)/.exec(table) ?? [];
    assert(exposure, table);
    console.log(`systemd-analyze security: ${exposure}`);
    assertLess(Number(exposure), 2.5);
    await Deno.remove(file);
  },
);
