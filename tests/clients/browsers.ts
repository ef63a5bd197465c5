import { join } from "@std/path";
import { settlesWithin } from "../../lib/clock.ts";
import { Browser as Chromium, CHROMIUM as CHROMIUM_PROGRAM } from "../browser.ts";

/** A real browser without a window, driven from outside, with one page. */
export interface Browser extends AsyncDisposable {
  /** Name and version. */
  readonly product: string;
  /** Goes to an address, and does not wait: a stream never finishes loading. */
  goTo(url: string): Promise<void>;
  /** The value of a JavaScript expression in the page, which may be a promise. It must be JSON. */
  evaluate<T>(expression: string): Promise<T>;
}

/** How long a browser may take to start, and to answer. */
const PATIENCE = 60_000;

const MINI_BROWSER = "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser";

/** Debian's programs for each browser. */
export const CHROMIUM = [CHROMIUM_PROGRAM];
export const FIREFOX = ["firefox-esr"];
export const WEBKIT = ["WebKitWebDriver", "Xvfb", MINI_BROWSER];

/** Starts Chromium. @param args More of its own options. */
export async function openChromium(args: readonly string[] = []): Promise<Browser> {
  const chromium = await Chromium.start(args);
  const page = await chromium.newPage();
  const { product } = await chromium.send("Browser.getVersion");
  return {
    product,
    goTo: (url) => page.goto(url),
    evaluate: (expression) => page.eval(expression),
    [Symbol.asyncDispose]: () => chromium[Symbol.asyncDispose](),
  };
}

/** Starts Firefox, driven by WebDriver BiDi, which it speaks itself. */
export async function openFirefox(): Promise<Browser> {
  const home = await Deno.makeTempDir();
  await Deno.writeTextFile(join(home, "user.js"), firefoxSettings());
  const args = ["--headless", "--no-remote", "--remote-debugging-port=0", "--profile", home];
  const program = spawn("firefox-esr", args, { HOME: home, MOZ_CRASHREPORTER_DISABLE: "1" });
  const address = await program.says(/WebDriver BiDi listening on (ws:\S+)/);
  const session = await Session.open(`${address}/session`);
  const { capabilities } = await session.call("session.new", { capabilities: {} });
  const { contexts: [{ context }] } = await session.call("browsingContext.getTree");
  return {
    product: `Firefox/${capabilities.browserVersion}`,
    goTo: async (url) =>
      void await session.call("browsingContext.navigate", { context, url, wait: "none" }),
    async evaluate(expression) {
      const answer = await session.call("script.evaluate", {
        // Values have a form of their own there; text is text.
        expression: `Promise.resolve(${expression}).then((value) => JSON.stringify(value ?? null))`,
        target: { context },
        awaitPromise: true,
      });
      if (answer.type === "exception") throw new Error(answer.exceptionDetails.text);
      return JSON.parse(answer.result.value);
    },
    async [Symbol.asyncDispose]() {
      await session.call("browser.close").catch(() => {}); // it may be gone before it answers
      await program.ends();
      await session.closed;
      await Deno.remove(home, { recursive: true });
    },
  };
}

function firefoxSettings(): string {
  const settings = {
    "remote.active-protocols": 1,
    "browser.shell.checkDefaultBrowser": false,
    "datareporting.policy.dataSubmissionEnabled": false,
    "toolkit.telemetry.enabled": false,
    "app.update.enabled": false,
    "network.captive-portal-service.enabled": false,
    "network.connectivity-service.enabled": false,
  };
  return Object.entries(settings)
    .map(([name, value]) => `user_pref("${name}", ${value});\n`).join("");
}

/** Starts WebKit as in Safari and GNOME Web, driven by WebDriver, on a screen of its own. */
export async function openWebKit(): Promise<Browser> {
  const home = await Deno.makeTempDir();
  const screen = spawn("Xvfb", ["-displayfd", "2", "-screen", "0", "1024x768x24"]);
  const display = await screen.says(/^(\d+)\n/m);
  const port = freePort();
  const driver = spawn("WebKitWebDriver", [`--port=${port}`, "--host=127.0.0.1"], {
    DISPLAY: `:${display}`,
    HOME: home,
    XDG_RUNTIME_DIR: home,
    LIBGL_ALWAYS_SOFTWARE: "1",
    WEBKIT_DISABLE_DMABUF_RENDERER: "1",
    NO_AT_BRIDGE: "1",
  });
  // deno-lint-ignore no-explicit-any
  const call = async (method: string, path: string, body?: unknown): Promise<any> => {
    const init = { method, body: body === undefined ? undefined : JSON.stringify(body) };
    const { value } = await (await fetch(`http://127.0.0.1:${port}${path}`, init)).json();
    if (value?.error) throw new Error(`${value.error}: ${value.message}`);
    return value;
  };
  await untilListening(port);
  const browser = { binary: MINI_BROWSER, args: ["--automation"] };
  const { sessionId, capabilities } = await call("POST", "/session", {
    capabilities: {
      alwaysMatch: { "pageLoadStrategy": "none", "webkitgtk:browserOptions": browser },
    },
  });
  const session = `/session/${sessionId}`;
  await call("POST", `${session}/timeouts`, { script: PATIENCE });
  return {
    product: `WebKitGTK/${capabilities.browserVersion}`,
    goTo: async (url) => void await call("POST", `${session}/url`, { url }),
    async evaluate(expression) {
      const script = `const done = arguments[0];
        Promise.resolve(${expression}).then(
          (value) => done({ value }),
          (error) => done({ error: String(error) }),
        );`;
      const answer = await call("POST", `${session}/execute/async`, { script, args: [] });
      if (answer.error) throw new Error(answer.error);
      return answer.value;
    },
    async [Symbol.asyncDispose]() {
      await call("DELETE", session);
      await driver.stop();
      await screen.stop();
      await Deno.remove(home, { recursive: true }).catch(() => {}); // its helpers may still write there
    },
  };
}

/** Messages with numbers over a WebSocket, as BiDi has them. */
class Session {
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  // deno-lint-ignore no-explicit-any
  readonly #waiting = new Map<number, PromiseWithResolvers<any>>();
  #last = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      socket.onclose = () => {
        for (const { reject } of this.#waiting.values()) reject(new Error("The browser is gone"));
        resolve();
      };
    });
    socket.onmessage = ({ data }) => {
      const { id, error, message, result } = JSON.parse(data);
      const call = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) call?.reject(new Error(`${error}: ${message}`));
      else call?.resolve(result);
    };
  }

  static async open(url: string): Promise<Session> {
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error(`Cannot open ${url}`));
    });
    return new Session(socket);
  }

  // deno-lint-ignore no-explicit-any
  call(method: string, params: unknown = {}): Promise<any> {
    const id = ++this.#last;
    const call = Promise.withResolvers();
    this.#waiting.set(id, call);
    this.#socket.send(JSON.stringify({ id, method, params }));
    return call.promise;
  }
}

/** A program of which the complaints are read: there it says where it listens. */
function spawn(program: string, args: string[], env: Record<string, string> = {}) {
  const child = new Deno.Command(program, {
    args,
    env,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let text = "";
  let look = () => {};
  const reading = (async () => {
    for await (const some of child.stderr.pipeThrough(new TextDecoderStream())) {
      if (text.length < 100_000) text += some;
      look();
    }
  })();
  const stop = async (signal: Deno.Signal) => {
    try {
      child.kill(signal);
    } catch {
      // it has ended already
    }
    await child.status;
    await reading;
  };
  return {
    /** Waits until it has said something. @returns The first group of the pattern. */
    async says(pattern: RegExp): Promise<string> {
      const found = new Promise<string>((resolve) => {
        look = () => {
          const match = pattern.exec(text);
          if (match) resolve(match[1]!);
        };
        look();
      });
      if (await settlesWithin(found, PATIENCE)) return await found;
      await stop("SIGKILL");
      throw new Error(`${program} does not start: ${text}`);
    },
    /** Waits until it has ended by itself. */
    async ends(): Promise<void> {
      if (!await settlesWithin(child.status, PATIENCE)) await stop("SIGKILL");
      await reading;
    },
    stop: () => stop("SIGTERM"),
  };
}

/** A port that was free just now, for programs that cannot choose one. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Waits until somebody listens on a port of this machine. */
export async function untilListening(port: number): Promise<void> {
  for (const begun = performance.now();;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (performance.now() - begun > PATIENCE) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
