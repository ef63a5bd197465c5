import { assert, assertEquals, assertLess, assertMatch, assertRejects } from "@std/assert";
import { makeCertificate } from "./certificate.ts";
import { RawViewer } from "./faults/viewer.ts";
import { freePort } from "./nginx.ts";
import { leftOut, needing } from "./parts.ts";
import { eventually, Server } from "./server.ts";

const ON_LINUX = Deno.build.os === "linux" ? {} : leftOut("Linux");
/** Number of viewers: the kernel chooses a server for each by the addresses of its connection. */
const VIEWERS = 16;

/** Starts a server that shares a port; its camera has the given name. */
function startShared(camera: string, env: Record<string, string>): Promise<Server> {
  return Server.start({
    env: { REUSE_PORT: "on", CAMERA: `${camera}=emulated`, FPS: "20", ...env },
  });
}

/** Asks for the cameras on a connection of its own. @returns Name and viewers of the camera. */
async function ask(
  url: string,
  client?: Deno.HttpClient,
): Promise<{ name: string; viewers: number }> {
  const headers = { Connection: "close" };
  const response = await fetch(`${url}/cameras`, { headers, client });
  return (await response.json())[0];
}

/** Asks until each of two servers has answered. @returns Their numbers of viewers, by camera. */
async function askBoth(url: string, client?: Deno.HttpClient): Promise<Map<string, number>> {
  const viewers = new Map<string, number>();
  await eventually("both servers answer", async () => {
    const camera = await ask(url, client);
    viewers.set(camera.name, camera.viewers);
    return viewers.size === 2;
  });
  return viewers;
}

Deno.test(
  "two servers with REUSE_PORT serve one port, and one can stop alone",
  ON_LINUX,
  async () => {
    const PORT = `${freePort()}`;
    await using first = await startShared("first", { PORT });
    await using second = await startShared("second", { PORT });
    const { url } = first;
    assertEquals(url, second.url);
    const viewers = await Promise.all(
      Array.from({ length: VIEWERS }, () => RawViewer.watch(url)),
    );
    using _viewers = new DisposableStack();
    for (const viewer of viewers) _viewers.use(viewer);
    const ended = new Set<RawViewer>();
    const reading = viewers.map((viewer) =>
      viewer.readUntil(() => false).then(() => ended.add(viewer))
    );
    await eventually("each viewer gets frames", () => viewers.every(({ frames }) => frames >= 20));
    const served = await askBoth(url);
    assertEquals(served.get("first")! + served.get("second")!, VIEWERS);
    assert(served.get("first")! > 0 && served.get("second")! > 0, JSON.stringify([...served]));

    assertEquals((await first.stop()).code, 0);
    await eventually("its viewers end", () => ended.size === served.get("first"));
    const others = viewers.filter((viewer) => !ended.has(viewer));
    const before = others.map(({ frames }) => frames);
    for (let i = 0; i < 20; i++) assertEquals((await ask(url)).name, "second");
    await eventually(
      "the viewers of the other server go on",
      () => others.every(({ frames }, i) => frames >= before[i]! + 20),
    );
    for (const { ages } of others) assertLess(ages.at(-1)!, 2_000);

    await using third = await startShared("third", { PORT });
    assertEquals([...(await askBoth(url)).keys()].sort(), ["second", "third"]);
    assertEquals((await second.stop("SIGKILL")).code, 137);
    await Promise.all(reading);
    for (let i = 0; i < 20; i++) assertEquals((await ask(third.url)).name, "third");
  },
);

Deno.test(
  "two servers with REUSE_PORT serve HTTPS on one port",
  Deno.build.os === "linux" ? needing("openssl") : leftOut("Linux"),
  async () => {
    await using certificate = await makeCertificate();
    const env = { PORT: `${freePort()}`, TLS_CERT: certificate.cert, TLS_KEY: certificate.key };
    await using first = await startShared("first", env);
    await using _second = await startShared("second", env);
    using client = Deno.createHttpClient({
      caCerts: [await Deno.readTextFile(certificate.cert)],
      poolMaxIdlePerHost: 0,
    });
    assertMatch(first.url, /^https:/);
    assertEquals([...(await askBoth(first.url, client)).keys()].sort(), ["first", "second"]);
  },
);

Deno.test("a server says which of two lacks REUSE_PORT", ON_LINUX, async () => {
  const PORT = `${freePort()}`;
  const start = async (env: Record<string, string>) => {
    const error: Error = await assertRejects(() => Server.start({ env: { PORT, ...env } }), Error);
    return error.message;
  };
  {
    await using _plain = await Server.start({ env: { PORT } });
    const text = await start({ REUSE_PORT: "on" });
    assertMatch(
      text,
      /the port is in use by a server without REUSE_PORT=on, or of another user; set it there, too, or choose another PORT\n/,
    );
  }
  await using _shared = await startShared("first", { PORT });
  assertMatch(await start({}), /the port is in use; choose another PORT\n/);
});

Deno.test("a server without deno.json names the flag that REUSE_PORT needs", ON_LINUX, async () => {
  const error: Error = await assertRejects(
    () =>
      Server.start({
        command: [
          ...[Deno.execPath(), "run", "-q", "--allow-all", "--no-config"],
          ...["--import-map", "deno.json", "main.ts"],
        ],
        env: { REUSE_PORT: "on" },
      }),
    Error,
  );
  assertMatch(error.message, /Cannot use REUSE_PORT without Deno's flag --unstable-net/);
});
