import { assert, assertEquals, assertGreater, assertLess, assertLessOrEqual } from "@std/assert";
import { join } from "@std/path";
import { settlesWithin } from "../../lib/clock.ts";
import { isInstalled } from "../parts.ts";
import { codeBlocks } from "../readme.ts";
import { eventually } from "../server.ts";
import { CHROMIUM, freePort, openChromium, untilListening } from "./browsers.ts";
import { client, clientInSteps, inMs, median, serveCamera, viewersOf } from "./client.ts";
import { loaded, MAX_DELAY, paintsSoon } from "./windows.ts";

/** Debian installs nginx in a folder that is not on the `PATH` of every user. */
export const NGINX = isInstalled("nginx") ? "nginx" : "/usr/sbin/nginx";

/**
 * A configuration that keeps the `Host` of `proxy_pass` and names the browser's host in another
 * field.
 */
const FORWARDED_HOST = `location / {
    proxy_pass http://127.0.0.1:8000;
    proxy_http_version 1.1;
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection upgrade;
}`;

/** An nginx process in front of a server. */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
}

/**
 * Starts nginx.
 *
 * @param location The contents of `server { … }` in its configuration.
 * @param http Further lines of `http { … }`.
 */
export async function startNginx(location: string, http = ""): Promise<Proxy> {
  const folder = await Deno.makeTempDir();
  const port = freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`).join(" ");
  await Deno.writeTextFile(
    join(folder, "nginx.conf"),
    `daemon off; pid ${folder}/pid; error_log stderr error; events {}
     http { access_log off; ${temporary} ${http} server { listen 127.0.0.1:${port}; ${location} } }`,
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

  await does("forwards each frame at once with its default configuration", async () => {
    await using proxy = await startNginx(plain);
    const late = await lateness(`http://127.0.0.1:${proxy.port}/video_feed`, 8);
    assertLessOrEqual(median(late), MAX_DELAY);
    await eventually("the viewer is disconnected", async () => await viewersOf(server) === 0);
    return `${late.length} frames, ${inMs(median(late))} late`;
  });

  await does("would delay the end of each frame without X-Accel-Buffering", async () => {
    const ignoring = plain.replace("{", "{ proxy_ignore_headers X-Accel-Buffering;");
    await using proxy = await startNginx(ignoring);
    const late = await lateness(`http://127.0.0.1:${proxy.port}/video_feed`, 6);
    assertGreater(median(late), 250);
    return `${inMs(median(late))} late`;
  });

  await does("forwards snapshots, HEAD and errors", async () => {
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
  await does("paints each frame of 2 fps when it arrives, from a plain http:// name", async () => {
    await using server = await serveCamera({ FPS: "2", FAKE_CAMERA_JITTER_MS: "150" });
    await using proxy = await startNginx(`location / { proxy_pass ${server.url}; }`);
    // To the browser this is a host in a home network: it is not trustworthy, so no
    // `Sec-Fetch-Dest` is sent.
    await using browser = await openChromium(["--host-resolver-rules=MAP camera.test 127.0.0.1"]);
    const url = `http://camera.test:${proxy.port}`;
    await browser.goTo(`${url}/nothing`);
    await loaded(browser, url);
    return await paintsSoon(browser, { url: "/video_feed", fps: 2, seconds: 5 });
  });
});

for (
  const [name, locate] of [
    ["the README's configuration", () => codeBlocks("nginx")],
    ["X-Forwarded-Host instead of Host", () => ["", FORWARDED_HOST]],
  ] as const
) {
  client(
    "Chromium behind nginx",
    `opens the WebSocket with ${name}`,
    [NGINX, ...CHROMIUM],
    async () => {
      await using server = await serveCamera({ FPS: "25", AUTH: "none" });
      const [http, location] = locate();
      const { host } = new URL(server.url);
      await using proxy = await startNginx(location!.replace("127.0.0.1:8000", host), http);
      const late = await lateness(`http://127.0.0.1:${proxy.port}/video_feed`, 25);
      await using browser = await openChromium(["--host-resolver-rules=MAP camera.test 127.0.0.1"]);
      const origin = `http://camera.test:${proxy.port}`;
      await browser.goTo(`${origin}/nothing`);
      await loaded(browser, origin);
      const answer = await browser.evaluate(`new Promise((resolve) => {
      const socket = new WebSocket("/live?version=3");
      socket.onclose = () => resolve("closed");
      socket.onmessage = ({ data }) => {
        resolve(JSON.parse(data).type);
        socket.close();
      };
    })`);
      assertEquals(answer, "hello");
      return `${late.length} frames, ${inMs(median(late))} late; WebSocket open`;
    },
  );
}

/**
 * Measures the time from the timestamp to the complete arrival of each of `count` frames, in
 * milliseconds.
 */
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
  return late.slice(1); // the first one had been captured before the request
}
