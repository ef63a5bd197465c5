import { join } from "@std/path";
import { settlesWithin } from "../../lib/clock.ts";
import {
  Browser as Chromium,
  type BrowserOptions,
  CHROMIUM as CHROMIUM_PROGRAM,
} from "../browser.ts";

/** A headless browser with one page, under remote control. */
export interface Browser extends AsyncDisposable {
  /** Name and version. */
  readonly product: string;
  /** Navigates to an address without waiting: a stream never finishes loading. */
  goTo(url: string): Promise<void>;
  /**
   * Evaluates a JavaScript expression in the page, and awaits a promise. The value must be JSON.
   */
  evaluate<T>(expression: string): Promise<T>;
  /** Clicks on an element as a user does. */
  click(selector: string): Promise<void>;
}

/** Time limit for a browser to start, and to respond, in milliseconds. */
const TIMEOUT = 60_000;

/** A browser for WebKitWebDriver; Debian installs both together. */
const MINI_BROWSER = `/usr/lib/${Deno.build.arch}-linux-gnu/webkit2gtk-4.1/MiniBrowser`;

/** Programs that each browser needs, as in Debian. */
export const CHROMIUM = [CHROMIUM_PROGRAM];
export const FIREFOX = ["firefox-esr"];
export const WEBKIT = ["WebKitWebDriver", "Xvfb"];

/** Starts Chromium. @param args Additional command-line options. */
export async function openChromium(
  args: readonly string[] = [],
  options: BrowserOptions = {},
): Promise<Browser> {
  const chromium = await Chromium.start(args, options);
  const page = await chromium.newPage();
  const { product } = await chromium.send("Browser.getVersion");
  return {
    product,
    goTo: (url) => page.goto(url),
    evaluate: (expression) => page.eval(expression),
    click: (selector) => page.click(selector),
    [Symbol.asyncDispose]: () => chromium[Symbol.asyncDispose](),
  };
}

/** Starts Firefox, controlled by WebDriver BiDi, which is built in. */
export async function openFirefox(options: BrowserOptions = {}): Promise<Browser> {
  const home = await Deno.makeTempDir();
  await Deno.writeTextFile(join(home, "user.js"), firefoxSettings());
  const args = ["--headless", "--no-remote", "--remote-debugging-port=0", "--profile", home];
  const program = spawn("firefox-esr", args, {
    ...options,
    env: { HOME: home, MOZ_CRASHREPORTER_DISABLE: "1", ...options.env },
  });
  const address = await program.waitForOutput(/WebDriver BiDi listening on (ws:\S+)/);
  const session = await Session.open(`${address}/session`);
  const { capabilities } = await session.call("session.new", { capabilities: {} });
  const { contexts: [{ context }] } = await session.call("browsingContext.getTree");
  return {
    product: `Firefox/${capabilities.browserVersion}`,
    goTo: async (url) =>
      void await session.call("browsingContext.navigate", { context, url, wait: "none" }),
    async evaluate(expression) {
      const response = await session.call("script.evaluate", {
        // BiDi has its own encoding of values, except for text.
        expression: `Promise.resolve(${expression}).then((value) => JSON.stringify(value ?? null))`,
        target: { context },
        awaitPromise: true,
      });
      if (response.type === "exception") throw new Error(response.exceptionDetails.text);
      return JSON.parse(response.result.value);
    },
    async click(selector) {
      const { nodes: [node] } = await session.call("browsingContext.locateNodes", {
        context,
        locator: { type: "css", value: selector },
        maxNodeCount: 1,
      });
      if (!node) throw new Error(`There is no ${selector}`);
      const origin = { type: "element", element: { sharedId: node.sharedId } };
      const actions = [
        { type: "pointerMove", x: 0, y: 0, origin },
        { type: "pointerDown", button: 0 },
        { type: "pointerUp", button: 0 },
      ];
      await session.call("input.performActions", {
        context,
        actions: [{ type: "pointer", id: "mouse", actions }],
      });
    },
    async [Symbol.asyncDispose]() {
      await session.call("browser.close").catch(() => {}); // it may exit before it responds
      await program.waitForExit();
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

/**
 * Starts WebKit, the engine of Safari and GNOME Web, controlled by WebDriver, on a virtual screen.
 */
export async function openWebKit({ env }: BrowserOptions = {}): Promise<Browser> {
  const home = await Deno.makeTempDir();
  const screen = spawn("Xvfb", ["-displayfd", "2", "-screen", "0", "1024x768x24"]);
  const display = await screen.waitForOutput(/^(\d+)\n/m);
  const port = freePort();
  const driver = spawn("WebKitWebDriver", [`--port=${port}`, "--host=127.0.0.1"], {
    env: {
      DISPLAY: `:${display}`,
      HOME: home,
      XDG_RUNTIME_DIR: home,
      LIBGL_ALWAYS_SOFTWARE: "1",
      WEBKIT_DISABLE_DMABUF_RENDERER: "1",
      NO_AT_BRIDGE: "1",
      ...env,
    },
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
  await call("POST", `${session}/timeouts`, { script: TIMEOUT });
  return {
    product: `WebKitGTK/${capabilities.browserVersion}`,
    goTo: async (url) => void await call("POST", `${session}/url`, { url }),
    async evaluate(expression) {
      const script = `const done = arguments[0];
        Promise.resolve(${expression}).then(
          (value) => done({ value }),
          (error) => done({ error: String(error) }),
        );`;
      const execute = () => call("POST", `${session}/execute/async`, { script, args: [] });
      // goTo() does not wait until the former page is replaced: it may be in this moment.
      const response = await execute().catch((error: Error) => {
        if (!error.message.includes("unload event")) throw error;
        return execute();
      });
      if (response.error) throw new Error(response.error);
      return response.value;
    },
    async click(selector) {
      const found = await call("POST", `${session}/element`, {
        using: "css selector",
        value: selector,
      });
      const [id] = Object.values(found);
      await call("POST", `${session}/element/${id}/click`, {});
    },
    async [Symbol.asyncDispose]() {
      await call("DELETE", session);
      await driver.stop();
      await screen.stop();
      await Deno.remove(home, { recursive: true }).catch(() => {}); // its helper processes may still write there
    },
  };
}

/** A WebDriver BiDi session: requests and responses with ids over a WebSocket. */
class Session {
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  // deno-lint-ignore no-explicit-any
  readonly #pending = new Map<number, PromiseWithResolvers<any>>();
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      socket.onclose = () => {
        for (const { reject } of this.#pending.values()) {
          reject(new Error("The browser has exited"));
        }
        resolve();
      };
    });
    socket.onmessage = ({ data }) => {
      const { id, error, message, result } = JSON.parse(data);
      const call = this.#pending.get(id);
      this.#pending.delete(id);
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
    const id = ++this.#lastId;
    const call = Promise.withResolvers();
    this.#pending.set(id, call);
    this.#socket.send(JSON.stringify({ id, method, params }));
    return call.promise;
  }
}

/** Starts a program and reads its standard error, where it prints its address. */
function spawn(program: string, args: readonly string[], { env }: BrowserOptions = {}) {
  const child = new Deno.Command(program, {
    args: [...args],
    env,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let text = "";
  let onOutput = () => {};
  const reading = (async () => {
    for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
      if (text.length < 100_000) text += chunk;
      onOutput();
    }
  })();
  const stop = async (signal: Deno.Signal) => {
    try {
      child.kill(signal);
    } catch {
      // it has already exited
    }
    await child.status;
    await reading;
  };
  return {
    /** Waits until its output matches a pattern. @returns The first group of the pattern. */
    async waitForOutput(pattern: RegExp): Promise<string> {
      const found = new Promise<string>((resolve) => {
        onOutput = () => {
          const match = pattern.exec(text);
          if (match) resolve(match[1]!);
        };
        onOutput();
      });
      if (await settlesWithin(found, TIMEOUT)) return await found;
      await stop("SIGKILL");
      throw new Error(`Cannot start ${program}: ${text}`);
    },
    /** Waits until it exits. */
    async waitForExit(): Promise<void> {
      if (!await settlesWithin(child.status, TIMEOUT)) await stop("SIGKILL");
      await reading;
    },
    stop: () => stop("SIGTERM"),
  };
}

/** Returns a port that was free just now, for programs that cannot choose one. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Waits until a program listens on a port of this machine. */
export async function untilListening(port: number): Promise<void> {
  for (const begun = performance.now();;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (performance.now() - begun > TIMEOUT) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
