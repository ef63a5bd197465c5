import { LEFT_OUT_FILE } from "./parts.ts";
import { describeLeftOut } from "./left_out.ts";

// Runs the tests: `deno task test`. Arguments are passed to `deno test`; paths among them replace
// the default, which is all tests except those of clients. Ends with one line about the tests that
// this machine cannot run, and with the exit code of `deno test`.

const folder = await Deno.makeTempDir();
const [leftOut, report] = [`${folder}/left_out`, `${folder}/report.xml`];
const hasPath = Deno.args.some((arg) => /_test\.[jt]s$|^(\.[\\/])?tests\b/.test(arg));
try {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "-q", "--allow-all", "--sanitize-ops", "--sanitize-resources"],
      ...["--ignore=tests/clients", `--junit-path=${report}`],
      ...Deno.args,
      ...hasPath ? [] : ["tests/"],
    ],
    env: { [LEFT_OUT_FILE]: leftOut },
  }).spawn().status;
  const line = describeLeftOut(await readOrEmpty(leftOut), await readOrEmpty(report));
  if (line) console.log(line);
  Deno.exitCode = code;
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function readOrEmpty(file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch {
    return ""; // not written, as no test was left out, or no test ran
  }
}
