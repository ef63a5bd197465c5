import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { eventually, FAKES, ROOT, Server } from "../server.ts";
import { figure, rounded } from "./figures.ts";
import { pause, RawViewer } from "./viewer.ts";

Deno.test("the server keeps streaming when the clock of the machine jumps by hours and by days", async () => {
  // The server's `Date.now()` jumps at each SIGUSR2.
  const preload = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(
    preload,
    `const now = Date.now.bind(Date);
     const jumps = [3_600_000, -86_400_000, 0];
     let offset = 0;
     Date.now = () => now() + offset;
     Deno.addSignalListener("SIGUSR2", () => {
       offset = jumps.shift() ?? 0;
       console.error("the clock is off by", offset);
     });`,
  );
  await using server = await Server.start({
    command: [
      ...[Deno.execPath(), "run", "-q", "--allow-all", "--preload", preload],
      "main.ts",
    ],
    env: {
      CAMERA: "pi",
      PATH: `${FAKES}:${Deno.env.get("PATH")}`,
      WIDTH: "640",
      HEIGHT: "480",
      FPS: "20",
    },
  });
  using viewer = await RawViewer.watch(server.url);
  using limited = await RawViewer.watch(server.url, "/video_feed?fps=10");
  const reading = [viewer, limited].map((one) => one.readUntil(() => false));
  await eventually("frames flow", () => viewer.frames > 20 && limited.frames > 10);
  for (const offset of [3_600_000, -86_400_000, 0]) {
    Deno.kill(server.pid, "SIGUSR2");
    await eventually("the clock jumps", () => server.output.includes(`off by ${offset}\n`));
    const before = [viewer.frames, limited.frames];
    const begun = performance.now();
    const snapshot = await fetch(`${server.url}/snapshot.jpg`);
    await snapshot.bytes();
    const took = performance.now() - begun;
    await pause(2_500 - took);
    const rates = [viewer.frames - before[0]!, limited.frames - before[1]!].map((n) => n / 2.5);
    figure(
      `frame rates with the clock off by ${offset / 3_600_000} h`,
      `${rates.map(rounded).join(" and ")} of 20 and 10 fps, a snapshot in ${rounded(took)} ms`,
    );
    assertEquals(snapshot.status, 200);
    assertLess(took, 1_500);
    assertLess(15, rates[0]!);
    assertLess(7, rates[1]!);
  }
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  const count = (le: string) =>
    Number(
      new RegExp(`latency_seconds_bucket\\{camera="pi",le="${le}"\\} (\\d+)`).exec(metrics)![1],
    );
  assertLess(0.9 * count("\\+Inf"), count("1")); // a jump affects only the few frames in flight
  for (const one of [viewer, limited]) one[Symbol.dispose]();
  await Promise.all(reading);
  await Deno.remove(preload);
  assertEquals(server.output.includes("camera failed"), false, server.output);
});

Deno.test("the server streams without write access and without a home folder", async () => {
  // The limit of 0 makes every write to a file fail, wherever the file is.
  const start = `ulimit -f 0; exec "${Deno.execPath()}" run -q --cached-only --no-code-cache ` +
    "--allow-env --allow-net --allow-run --allow-ffi --allow-read main.ts";
  await using server = await Server.start({
    command: ["sh", "-c", start],
    env: {
      TMPDIR: "/nowhere",
      HOME: "/nowhere",
      DENO_DIR: await denoFolder(),
      CAMERA: "pi,emulated",
      PATH: `${FAKES}:${Deno.env.get("PATH")}`,
      FAKE_CAMERA_LOCK_DIR: "/dev/shm",
    },
  });
  for (const name of ["pi", "emulated"]) {
    using viewer = await RawViewer.watch(server.url, `/cameras/${name}/video_feed`);
    assert(await viewer.readUntil(() => viewer.frames > 1), server.output);
  }
  const { code } = await server.stop();
  figure("without write access", `two cameras served, exit ${code}`);
  assertEquals(code, 0);
});

Deno.test("the server reports a port in use in one line, and the server that uses it keeps running", async () => {
  await using first = await Server.start();
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--allow-all", "main.ts"],
    cwd: ROOT,
    env: { PORT: new URL(first.url).port },
  }).output();
  const message = new TextDecoder().decode(stderr);
  assertEquals([code, message.trimEnd().split("\n").length], [1, 1]);
  assertStringIncludes(message, "the port is in use; choose another PORT");
  const response = await fetch(`${first.url}/snapshot.jpg`);
  await response.bytes();
  assertEquals(response.status, 200);
  figure("port in use", message.trimEnd());
});

/** Returns the folder in which Deno caches packages, which depends on `HOME`. */
async function denoFolder(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}
