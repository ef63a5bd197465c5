import { settlesWithin } from "../lib/clock.ts";

/** A real browser, as Debian names it. */
export const CHROMIUM = "/usr/bin/chromium";

/** How long it may take to start, and to answer, in milliseconds. */
const START = 30_000;
const ANSWER = 30_000;

// What comes back depends on the method; the protocol's own description has no types here.
// deno-lint-ignore no-explicit-any
type Result = any;
type Listener = (params: Result) => void;

/** A Chromium without a window, driven by its DevTools protocol: no package is needed for that. */
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

  /** Starts one. @param more Options of its own. */
  static async start(more: readonly string[] = []): Promise<Browser> {
    const profile = await Deno.makeTempDir({ prefix: "dinocam-chromium-" });
    const child = new Deno.Command(CHROMIUM, {
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
    let said = "", address: string | undefined;
    while (!(address = /DevTools listening on (ws:\S+)/.exec(said)?.[1])) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`Chromium ended: ${said}`);
      said += value;
    }
    const drained = (async () => {
      while (!(await reader.read()).done);
    })();
    return new Browser(child, profile, await Connection.open(address), drained);
  }

  /** Opens a tab in a profile of its own: it shares nothing with others. */
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

  /** Another command, to the browser as a whole. */
  send(method: string, params: object = {}): Promise<Result> {
    return this.#connection.send(method, params);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.send("Browser.close").catch(() => {});
    if (!await settlesWithin(this.#child.status, 5_000)) this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#connection.closed;
    await this.#drained;
    // Children of its own may write there yet for a moment.
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
  /** What went wrong in the page: exceptions that nobody caught, and errors on its console. */
  readonly errors: string[] = [];
  readonly targetId: string;
  /** The profile that it is in. */
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
      this.errors.push(args.map((one: Result) => one.value ?? one.description).join(" "));
    });
  }

  /** Hears of an event of the protocol. */
  on(event: string, listener: Listener): void {
    this.#connection.on(this.#session, event, listener);
  }

  /** Another command, to this tab. */
  send(method: string, params: object = {}): Promise<Result> {
    return this.#connection.send(method, params, this.#session);
  }

  async goto(url: string): Promise<void> {
    const { errorText } = await this.send("Page.navigate", { url });
    if (errorText) throw new Error(`Cannot open ${url}: ${errorText}`);
  }

  /** Runs a script in every page that is opened from now on, before the page's own. */
  async beforeEachPage(source: string): Promise<void> {
    await this.send("Page.addScriptToEvaluateOnNewDocument", { source });
  }

  /** The value of an expression, or of the promise that it is. */
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

  /** Waits until an expression is true in the page. @throws With what it was last, if it is not in time. */
  async until(expression: string, ms = 10_000): Promise<void> {
    const begun = performance.now();
    for (let last: unknown; !(last = await this.eval(expression));) {
      if (performance.now() - begun > ms) {
        const text = await this.eval("document.body.innerText").catch(String);
        throw new Error(`Not within ${ms} ms: ${expression} is ${last}\nThe page says: ${text}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Presses and lets go of a key, as `KeyboardEvent.key` names it. */
  async press(key: string): Promise<void> {
    const text = key.length === 1 ? { text: key } : key === "Enter" ? { text: "\r" } : {};
    const code = { Enter: 13, Escape: 27, Tab: 9 }[key];
    const known = { key, windowsVirtualKeyCode: code ?? 0, ...text };
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", ...known });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...known, text: undefined });
  }

  /** Clicks in the middle of an element, with the mouse. */
  async click(selector: string): Promise<void> {
    const place = await this.eval<{ x: number; y: number }>(`(() => {
      const element = document.querySelector(${JSON.stringify(selector)});
      const { left, top, width, height } = element.getBoundingClientRect();
      return { x: left + width / 2, y: top + height / 2 };
    })()`);
    for (const type of ["mousePressed", "mouseReleased"]) {
      await this.mouse(type, place, { button: "left", clickCount: 1 });
    }
  }

  /** An event of the mouse: `mouseMoved`, `mousePressed`, `mouseReleased`, `mouseWheel`. */
  async mouse(type: string, place: { x: number; y: number }, more: object = {}): Promise<void> {
    await this.send("Input.dispatchMouseEvent", { type, ...place, ...more });
  }

  /** The page as a PNG. */
  async screenshot(): Promise<Uint8Array<ArrayBuffer>> {
    const { data } = await this.send("Page.captureScreenshot", { format: "png" });
    return Uint8Array.fromBase64(data);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.send("Target.closeTarget", { targetId: this.targetId });
  }
}

/** The connection to the browser: commands with their answers, and events. */
class Connection {
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, PromiseWithResolvers<Result>>();
  readonly #listeners = new Map<string, Listener[]>();
  #last = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    this.closed = new Promise((resolve) => {
      socket.onclose = () => {
        for (const { reject } of this.#waiting.values()) reject(new Error("Chromium is gone"));
        this.#waiting.clear();
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
    if (!await settlesWithin(opened, START)) throw new Error("Chromium does not answer");
    return new Connection(socket);
  }

  on(session: string, event: string, listener: Listener): void {
    const key = `${session} ${event}`;
    this.#listeners.set(key, [...this.#listeners.get(key) ?? [], listener]);
  }

  async send(method: string, params: object = {}, sessionId?: string): Promise<Result> {
    if (this.#socket.readyState !== WebSocket.OPEN) throw new Error("Chromium is gone");
    const id = ++this.#last;
    const answer = Promise.withResolvers<Result>();
    this.#waiting.set(id, answer);
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    try {
      if (!await settlesWithin(answer.promise, ANSWER)) throw new Error(`No answer to ${method}`);
      return await answer.promise;
    } finally {
      this.#waiting.delete(id);
    }
  }

  #take({ id, result, error, method, params, sessionId = "" }: Result): void {
    if (id === undefined) {
      for (const listener of this.#listeners.get(`${sessionId} ${method}`) ?? []) listener(params);
    } else if (error) {
      this.#waiting.get(id)?.reject(new Error(`${error.message} ${error.data ?? ""}`));
    } else this.#waiting.get(id)?.resolve(result);
  }
}
