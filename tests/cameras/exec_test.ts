import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import exec from "../../cameras/exec.ts";
import { CameraError, ConfigError } from "../../lib/errors.ts";
import { forCamera } from "../../lib/env.ts";
import { sizeOf } from "../../lib/jpeg/segments.ts";
import { needing } from "../parts.ts";
import { leavingNoProcess } from "../processes.ts";
import { testConformance } from "./conformance.ts";

const ffmpeg = needing("ffmpeg", "sh");
const PATTERN = "ffmpeg -v error -re -f lavfi -i 'testsrc=size=160x120:rate=20' -f mjpeg -";

testConformance({
  source: "exec, with ffmpeg's test pattern",
  driver: exec,
  ...ffmpeg,
  setUp: () => setUp(PATTERN),
});

testConformance({
  source: "exec, with a shell that runs a pipeline in the background, which ignores SIGINT",
  driver: exec,
  ...ffmpeg,
  setUp: () => setUp(`sh -c "${PATTERN} | cat & sleep 60 & wait"`),
});

Deno.test({
  name: "exec passes the words of SOURCE to the program unchanged, without a shell",
  ignore: Deno.build.os === "windows" || needing("cat").ignore,
  fn: () =>
    leavingNoProcess(async () => {
      const folder = await Deno.makeTempDir();
      try {
        const file = `${folder}/a picture; $(reboot) *.jpg`;
        await Deno.copyFile(new URL("../../cameras/emulated/1.jpg", import.meta.url), file);
        const images = await Array.fromAsync(open({ SOURCE: `cat '${file}'` }));
        assertEquals(images.map((jpeg) => sizeOf(jpeg)), [{ width: 640, height: 480 }]);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    }),
});

Deno.test("exec rejects a SOURCE that is not a command, and names the variable", () => {
  const cases: [string, string][] = [
    ["", 'without SOURCE: set it to a command that prints JPEGs, such as "ffmpeg'],
    ["ffmpeg -i x | cat", "write sh -c '...' (in SOURCE)"],
    ["ffmpeg 'x", "(in SOURCE)"],
  ];
  for (const [source, message] of cases) {
    assertThrows(() => exec.configure({ SOURCE: source }), ConfigError, message);
  }
  const front = forCamera({ FRONT_SOURCE: "a | b" }, "front");
  assertThrows(() => exec.configure(front), ConfigError, "(in FRONT_SOURCE)");
});

Deno.test("exec reports why it has no frames, without the password of a URL", async () => {
  const missing = await failureOf("no-such-program -x");
  assertStringIncludes(missing.message, "Cannot find no-such-program");
  assertStringIncludes(missing.hint!, "SOURCE");
  assertEquals(missing.permanent, true);
  if (ffmpeg.ignore) return;
  const { message } = await failureOf(
    "ffmpeg -v error -i http://me:secret@127.0.0.1:9/ -f mjpeg -",
  );
  assertStringIncludes(message, "Connection refused");
  assert(!message.includes("secret"));
});

function open(env: Record<string, string>) {
  return exec.open(exec.configure(env), new AbortController().signal);
}

async function failureOf(source: string): Promise<CameraError> {
  return await assertRejects(() => Array.fromAsync(open({ SOURCE: source })), CameraError);
}

function setUp(source: string) {
  return Promise.resolve({ env: { SOURCE: source }, [Symbol.asyncDispose]: async () => {} });
}

Deno.test(
  "exec hides the secrets of its command in what the program prints",
  needing("sh"),
  async () => {
    const SOURCE =
      `sh -c 'echo "log-in of $1 with $3"' x zorro --password Tr0ub4dor http://zorro@cam/`;
    const images = exec.open(exec.configure({ SOURCE }), new AbortController().signal);
    assertEquals(await Array.fromAsync(images), []);
    assertStringIncludes(images.received.describe(), 'text: "log-in of … with …"');
  },
);
