import { compileFlags } from "../permissions/flags.ts";
import { SETTINGS } from "./settings.ts";

// Compiles the binary, for the tasks in `deno.json`, with the arguments for `deno compile` that
// differ between them. `deno compile` downloads a runtime: without network, one line that says what
// to do replaces its stack trace.

const child = new Deno.Command(Deno.execPath(), {
  args: [
    ...["compile", "--exclude-unused-npm", ...compileFlags(SETTINGS)],
    ...["cameras", "lib", "static"].flatMap((folder) => ["--include", folder]),
    ...[...Deno.args, "main.ts"],
  ],
  stdin: "null",
  stdout: "inherit",
  stderr: "piped",
}).spawn();

let failure = "";
for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
  if (failure || /^\W*error\b/m.test(text)) failure += text;
  else console.error(text.trimEnd());
}
const { code } = await child.status;
if (code !== 0 && /https:\/\/dl\.deno\.land\//.test(failure)) {
  console.error(
    "Cannot download the runtime for the binary from dl.deno.land: connect to the internet, or " +
      `set DENORT_BIN to the path of a denort ${Deno.version.deno}`,
  );
} else if (failure) console.error(failure.trimEnd());
Deno.exit(code);
