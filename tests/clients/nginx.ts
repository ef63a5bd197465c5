import { assert, assertEquals, assertGreater, assertLess, assertLessOrEqual } from "@std/assert";
import { join } from "@std/path";
import { settlesWithin } from "../../lib/clock.ts";
import { isInstalled } from "../parts.ts";
import { eventually } from "../server.ts";
import { CHROMIUM, freePort, openChromium, untilListening } from "./browsers.ts";
import { clientInSteps, inMs, median, serveCamera, viewersOf } from "./client.ts";
import { loaded, paintsSoon, SOON } from "./windows.ts";

/** Debian has it where a user's PATH may not look. */
export const NGINX = isInstalled("nginx") ? "nginx" : "/usr/sbin/nginx";

/** nginx in front of a server. */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
}

/** Starts nginx. @param location What stands in its configuration for `server { … }`. */
export async function startNginx(location: string): Promise<Proxy> {
  const folder = await Deno.makeTempDir();
  const port = freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`).join(" ");
  await Deno.writeTextFile(
    join(folder, "nginx.conf"),
    `daemon off; pid ${folder}/pid; error_log stderr error; events {}
     http { access_log off; ${temporary} server { listen 127.0.0.1:${port}; ${location} } }`,
  );
  const child = new Deno.Command(NGINX, {
    args: ["-p", folder, "-c", "nginx.conf", "-e", "stderr"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await untilListening(port);
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      if (!await settlesWithin(child.status, 5_000)) child.kill("SIGKILL");
      await child.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

clientInSteps("nginx", [NGINX], async (does) => {
  await using server = await serveCamera({ FPS: "2" });
  const plain = `location / { proxy_pass ${server.url}; }`;

  await does("passes each frame on at once, by its default configuration", async () => {
    await using proxy = await startNginx(plain);
    const late = await lateness(`http://127.0.0.1:${proxy.port}/video_feed`, 8);
    assertLessOrEqual(median(late), SOON);
    await eventually("the viewer has left", async () => await viewersOf(server) === 0);
    return `${late.length} frames, ${inMs(median(late))} late`;
  });

  await does("would hold the end of each frame back without X-Accel-Buffering", async () => {
    const deaf = plain.replace("{", "{ proxy_ignore_headers X-Accel-Buffering;");
    await using proxy = await startNginx(deaf);
    const late = await lateness(`http://127.0.0.1:${proxy.port}/video_feed`, 6);
    assertGreater(median(late), 250);
    return `${inMs(median(late))} late`;
  });

  await does("passes snapshots, HEAD and errors on", async () => {
    await using proxy = await startNginx(plain);
    const url = `http://127.0.0.1:${proxy.port}`;
    const head = await fetch(`${url}/video_feed`, { method: "HEAD" });
    assertEquals(head.status, 200);
    const snapshot = await fetch(`${url}/?action=snapshot`);
    assertEquals(snapshot.headers.get("Content-Type"), "image/jpeg");
    assert((await snapshot.bytes()).length > 1_000);
    const refused = await fetch(`${url}/video_feed?fps=0`);
    assertEquals([refused.status, (await refused.text()).includes("fps")], [400, true]);
    return "200, 200, 400";
  });
});

clientInSteps("Chromium behind nginx", [NGINX, ...CHROMIUM], async (does) => {
  await does("paints a frame of 2 fps when it comes, at a plain http:// name", async () => {
    await using server = await serveCamera({ FPS: "2", FAKE_CAMERA_JITTER_MS: "150" });
    await using proxy = await startNginx(`location / { proxy_pass ${server.url}; }`);
    // To a browser this is a host like any in a home network: it does not tell such a one what a request is for.
    await using browser = await openChromium(["--host-resolver-rules=MAP camera.test 127.0.0.1"]);
    const url = `http://camera.test:${proxy.port}`;
    await browser.goTo(`${url}/nothing`);
    await loaded(browser, url);
    return await paintsSoon(browser, { url: "/video_feed", fps: 2, seconds: 5 });
  });
});

/** How long after its time stamp each of `count` frames had come whole, in milliseconds. */
export async function lateness(url: string, count: number): Promise<number[]> {
  const late: number[] = [];
  const { body } = await fetch(url);
  let text = "";
  for await (const piece of body!) {
    const now = Date.now();
    text += new TextDecoder("latin1").decode(piece);
    for (let match; (match = /X-Timestamp: ([\d.]+)\r\n\r\n/.exec(text));) {
      const end = text.indexOf("\r\n--frame\r\n", match.index);
      if (end < 0) break;
      late.push(now - Number(match[1]) * 1000);
      text = text.slice(end + 2);
    }
    if (late.length > count) break;
  }
  assertLess(Math.min(...late), 10_000);
  return late.slice(1); // the first was there before
}
