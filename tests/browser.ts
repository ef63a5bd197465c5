import { settlesWithin } from "../lib/clock.ts";

/** Path of Chromium on Debian. */
export const CHROMIUM = "/usr/bin/chromium";

/** How long Chromium may take to start, in milliseconds. */
const START_TIMEOUT = 30_000;
/** How long Chromium may take to respond to a command, in milliseconds. */
const RESPONSE_TIMEOUT = 30_000;

// The type of a result depends on the method; there are no type definitions of the protocol here.
// deno-lint-ignore no-explicit-any
type Result = any;
type Listener = (params: Result) => void;

/** Options of {@link Browser.start}. */
export interface BrowserOptions {
  /** Environment variables, added to those of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A headless Chromium, driven by the DevTools protocol without a package. */
export class Browser implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #profile: string;
  readonly #connection: Connection;
  readonly #drained: Promise<void>;

  private constructor(
    child: Deno.ChildProcess,
    profile: string,
    connection: Connection,
    drained: Promise<void>,
  ) {
    this.#child = child;
    this.#profile = profile;
    this.#connection = connection;
    this.#drained = drained;
  }

  /** Starts Chromium. @param more Additional command-line options. */
  static async start(
    more: readonly string[] = [],
    { env }: BrowserOptions = {},
  ): Promise<Browser> {
    const profile = await Deno.makeTempDir({ prefix: "dinocam-chromium-" });
    const child = new Deno.Command(CHROMIUM, {
      env,
      args: [
        ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
        ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
        ...["--disable-dev-shm-usage", "--hide-scrollbars", "--ignore-certificate-errors"],
        ...["--remote-debugging-port=0", `--user-data-dir=${profile}`, ...more],
        "about:blank",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
    let output = "", address: string | undefined;
    while (!(address = /DevTools listening on (ws:\S+)/.exec(output)?.[1])) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`Chromium exited: ${output}`);
      output += value;
    }
    const drained = (async () => {
      while (!(await reader.read()).done);
    })();
    return new Browser(child, profile, await Connection.open(address), drained);
  }

  /** Opens a tab in a new profile, which shares nothing with other tabs. */
  async newPage(): Promise<Page> {
    const { browserContextId } = await this.#connection.send("Target.createBrowserContext");
    const { targetId } = await this.#connection.send("Target.createTarget", {
      url: "about:blank",
      browserContextId,
      width: 1280,
      height: 800,
    });
    const { sessionId } = await this.#connection.send("Target.attachToTarget", {
      targetId,
      flatten: true,
    });
    const page = new Page(this.#connection, sessionId, targetId, browserContextId);
    await page.send("Page.enable");
    await page.send("Runtime.enable");
    return page;
  }

  /** Sends a command of the protocol to the browser. */
  send(method: string, params: object = {}): Promise<Result> {
    return this.#connection.send(method, params);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.send("Browser.close").catch(() => {});
    if (!await settlesWithin(this.#child.status, 5_000)) this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#connection.closed;
    await this.#drained;
    // Child processes of Chromium may still write to the profile for a moment.
    for (let tries = 0; tries < 20; tries++) {
      try {
        return await Deno.remove(this.#profile, { recursive: true });
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }
}

/** A tab. */
export class Page {
  /** Uncaught exceptions in the page, and errors and warnings on its console. */
  readonly errors: string[] = [];
  readonly targetId: string;
  /** Id of the tab's profile. */
  readonly context: string;
  readonly #connection: Connection;
  readonly #session: string;

  constructor(connection: Connection, session: string, targetId: string, context: string) {
    this.#connection = connection;
    this.#session = session;
    this.targetId = targetId;
    this.context = context;
    this.on("Runtime.exceptionThrown", ({ exceptionDetails: { text, exception } }) => {
      this.errors.push(`${text} ${exception?.description ?? ""}`);
    });
    this.on("Runtime.consoleAPICalled", ({ type, args }) => {
      if (type !== "error" && type !== "warning") return;
      this.errors.push(args.map((arg: Result) => arg.value ?? arg.description).join(" "));
    });
  }

  /** Listens to an event of the protocol. */
  on(event: string, listener: Listener): void {
    this.#connection.on(this.#session, event, listener);
  }

  /** Sends a command of the protocol to this tab. */
  send(method: string, params: object = {}): Promise<Result> {
    return this.#connection.send(method, params, this.#session);
  }

  /** Opens an address. */
  async goto(url: string): Promise<void> {
    const { errorText } = await this.send("Page.navigate", { url });
    if (errorText) throw new Error(`Cannot open ${url}: ${errorText}`);
  }

  /** Runs a script in every page opened from now on, before the page's own scripts. */
  async beforeEachPage(source: string): Promise<void> {
    await this.send("Page.addScriptToEvaluateOnNewDocument", { source });
  }

  /** Evaluates an expression in the page, and awaits it if it is a promise. */
  async eval<T = Result>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
      userGesture: true,
    });
    if (exceptionDetails) {
      const { text, exception } = exceptionDetails;
      throw new Error(`${text} ${exception?.description ?? ""}\nin ${expression}`);
    }
    return result.value;
  }

  /**
   * Waits until an expression is true in the page.
   *
   * @throws {Error} After `ms`, with its last value.
   */
  async until(expression: string, ms = 10_000): Promise<void> {
    const start = performance.now();
    for (let last: unknown; !(last = await this.eval(expression));) {
      if (performance.now() - start > ms) {
        const text = await this.eval("document.body.innerText").catch(String);
        throw new Error(`Not within ${ms} ms: ${expression} is ${last}\nText of the page: ${text}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Presses and releases a key, named as in `KeyboardEvent.key`. */
  async press(key: string): Promise<void> {
    const text = key.length === 1 ? { text: key } : key === "Enter" ? { text: "\r" } : {};
    const code = { Enter: 13, Escape: 27, Tab: 9 }[key];
    const common = { key, windowsVirtualKeyCode: code ?? 0, ...text };
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", ...common });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...common, text: undefined });
  }

  /** Clicks with the mouse on the centre of an element. */
  async click(selector: string): Promise<void> {
    // Where it is still after 50 ms: the layout may be about to change, and the click would miss it.
    const position = await this.eval<{ x: number; y: number }>(`(async () => {
      let last;
      for (let attempt = 0; attempt < 100; attempt++) {
        const element = document.querySelector(${JSON.stringify(selector)});
        const { left, top, width, height } = element.getBoundingClientRect();
        const position = { x: left + width / 2, y: top + height / 2 };
        if (position.x === last?.x && position.y === last?.y) return position;
        last = position;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error("Still moving after 5 s: " + ${JSON.stringify(selector)});
    })()`);
    for (const type of ["mousePressed", "mouseReleased"]) {
      await this.mouse(type, position, { button: "left", clickCount: 1 });
    }
  }

  /** Sends a mouse event: `mouseMoved`, `mousePressed`, `mouseReleased`, `mouseWheel`. */
  async mouse(type: string, position: { x: number; y: number }, more: object = {}): Promise<void> {
    await this.send("Input.dispatchMouseEvent", { type, ...position, ...more });
  }

  /** Returns a screenshot of the page as a PNG. */
  async screenshot(): Promise<Uint8Array<ArrayBuffer>> {
    const { data } = await this.send("Page.captureScreenshot", { format: "png" });
    return Uint8Array.fromBase64(data);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.send("Target.closeTarget", { targetId: this.targetId });
  }
}

/** The connection to the browser: commands with their responses, and events. */
class Connection {
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  readonly #pending = new Map<number, PromiseWithResolvers<Result>>();
  readonly #listeners = new Map<string, Listener[]>();
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#handle(JSON.parse(data));
    this.closed = new Promise((resolve) => {
      socket.onclose = () => {
        for (const { reject } of this.#pending.values()) reject(new Error("Chromium has exited"));
        this.#pending.clear();
        resolve();
      };
    });
  }

  static async open(address: string): Promise<Connection> {
    const socket = new WebSocket(address);
    const opened = new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    if (!await settlesWithin(opened, START_TIMEOUT)) throw new Error("Chromium is not responding");
    return new Connection(socket);
  }

  on(session: string, event: string, listener: Listener): void {
    const key = `${session} ${event}`;
    this.#listeners.set(key, [...this.#listeners.get(key) ?? [], listener]);
  }

  async send(method: string, params: object = {}, sessionId?: string): Promise<Result> {
    if (this.#socket.readyState !== WebSocket.OPEN) throw new Error("Chromium has exited");
    const id = ++this.#lastId;
    const response = Promise.withResolvers<Result>();
    this.#pending.set(id, response);
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    try {
      if (!await settlesWithin(response.promise, RESPONSE_TIMEOUT)) {
        throw new Error(`No response to ${method}`);
      }
      return await response.promise;
    } finally {
      this.#pending.delete(id);
    }
  }

  #handle({ id, result, error, method, params, sessionId = "" }: Result): void {
    if (id === undefined) {
      for (const listener of this.#listeners.get(`${sessionId} ${method}`) ?? []) listener(params);
    } else if (error) {
      this.#pending.get(id)?.reject(new Error(`${error.message} ${error.data ?? ""}`));
    } else this.#pending.get(id)?.resolve(result);
  }
}
