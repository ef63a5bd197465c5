// Runs a script in a page of a headless browser and returns its result. No remote control: the page itself sends the
// result to the server that it came from. Used by the findings about browsers.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Time limit for one page, in milliseconds. */
const TIMEOUT = 26_000;

const asRoot = process.getuid?.() === 0;
const CHROMIUM = [
  "--headless",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--autoplay-policy=no-user-gesture-required",
];
/** The browser of the package libwebkit2gtk-4.1-0, which is not on the PATH. */
export const WEBKIT = `/usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu/` +
  "webkit2gtk-4.1/MiniBrowser";
const BROWSERS = {
  chromium: (profile) => [
    ...CHROMIUM,
    ...(asRoot ? ["--no-sandbox"] : []),
    `--user-data-dir=${profile}`,
  ],
  "firefox-esr": (profile) => ["--headless", "--no-remote", "--profile", profile],
  // WebKit; it needs a display.
  [WEBKIT]: () => ["--private", "--autoplay-policy=allow"],
};
/** Lets Firefox play sound without a click. */
const FIREFOX_SETTINGS = 'user_pref("media.autoplay.default", 0);\n' +
  'user_pref("media.autoplay.blocking_policy", 0);\n';

/**
 * Runs `page`, an async function, in a new browser and returns its result, which must be JSON.
 *
 * @param program A key of BROWSERS.
 * @param routes Request handlers of `node:http` by path.
 */
export async function runInBrowser(program, page, routes) {
  const { promise, resolve, reject } = Promise.withResolvers?.() ?? withResolvers();
  const handlers = {
    "/": (_, response) => {
      response.setHeader("Content-Type", "text/html; charset=utf-8");
      response.end(`<!doctype html><body><script type="module">
        const result = await (${page})().catch((error) => ({ error: String(error) }));
        await fetch("/result", { method: "POST", body: JSON.stringify(result) });
      </script>`);
    },
    "/result": async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      response.end();
      resolve(JSON.parse(body));
    },
    ...routes,
  };
  const server = createServer((request, response) => {
    const handler = handlers[request.url.split("?")[0]];
    if (handler) return handler(request, response);
    response.statusCode = 404;
    response.end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const profile = mkdtempSync(join(tmpdir(), "profile-"));
  writeFileSync(join(profile, "user.js"), FIREFOX_SETTINGS);
  const url = `http://127.0.0.1:${server.address().port}/`;
  const browser = spawn(program, [...BROWSERS[program](profile), url], {
    detached: true, // its own process group, which ends as a whole
    stdio: "ignore",
    env: { ...process.env, HOME: profile },
  });
  const exited = new Promise((resolve) => browser.on("close", resolve));
  browser.on("error", reject);
  exited.then(() => reject(new Error(`${program} has exited without a result`)));
  const interrupt = () => reject(new Error("interrupted"));
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, interrupt);
  const timer = setTimeout(() => reject(new Error(`${program} sent no result in time`)), TIMEOUT);
  try {
    const result = await promise;
    if (result.error) throw new Error(result.error);
    return result;
  } finally {
    clearTimeout(timer);
    for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, interrupt);
    try {
      process.kill(-browser.pid, "SIGKILL");
    } catch {
      // it has already exited
    }
    await exited;
    server.close();
    server.closeAllConnections();
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

/** Makes JPEGs of one colour each, by ffmpeg. */
export function colouredJpegs(colours) {
  return colours.map((colour) =>
    execFileSync("ffmpeg", [
      ...["-v", "error", "-nostdin", "-f", "lavfi", "-i", `color=${colour}:size=64x64`],
      ...["-frames:v", "1", "-q:v", "2", "-f", "mjpeg", "pipe:1"],
    ])
  );
}

/** Begins a multipart response, on the bare connection so that every write is sent as it is. */
export function beginMultipart(response, fields = "") {
  response.socket.setNoDelay(true);
  response.socket.on("error", () => {}); // the browser may close it first
  response.socket.write(
    "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n" +
      `Connection: close\r\n${fields}\r\n`,
  );
  return response.socket;
}

/** Returns the headers of a part. */
export const partHeaders = (jpeg) =>
  `Content-Type: image/jpeg\r\nContent-Length: ${jpeg.length}\r\n\r\n`;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Prints whether the behaviour is as described, and exits. */
export function conclude(asDescribed) {
  console.log(
    asDescribed ? "as described" : "changed: other results than in the head of this script",
  );
  process.exit(asDescribed ? 0 : 1);
}

function withResolvers() {
  let functions;
  const promise = new Promise((resolve, reject) => functions = { resolve, reject });
  return { promise, ...functions };
}
