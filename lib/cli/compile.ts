import { compileFlags } from "../permissions/flags.ts";
import { SETTINGS } from "./settings.ts";

// Compiles the binary, for the tasks in `deno.json`. The arguments are added to those of
// `deno compile`. `deno compile` downloads a runtime; without network, its stack trace is replaced by
// one line that says what to do.

/** The parts of the message of `deno compile` when it cannot download the runtime. */
const DOWNLOAD_FAILURE = /denort|dl\.deno\.land|error sending request|dns error/i;

const args = [
  ...["compile", "--exclude-unused-npm", ...compileFlags(SETTINGS)],
  ...["cameras", "lib", "static"].flatMap((folder) => ["--include", folder]),
  ...[...Deno.args, "main.ts"],
];
const { code, stderr } = await new Deno.Command(Deno.execPath(), {
  args,
  stdin: "null",
  stdout: "inherit",
  stderr: "piped",
}).output();
const text = new TextDecoder().decode(stderr);
if (code !== 0 && DOWNLOAD_FAILURE.test(text)) {
  console.error(
    "Cannot download the runtime for the binary from dl.deno.land: connect to the internet, or " +
      `set DENORT_BIN to the path of a denort ${Deno.version.deno}`,
  );
} else await Deno.stderr.write(stderr);
Deno.exit(code);
