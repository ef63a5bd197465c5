import { systemClock } from "../../lib/clock.ts";
import type { Browser } from "../clients/browsers.ts";
import { PulseAudio } from "../pulse_audio.ts";
import { type Server } from "../server.ts";
import { BeepListener, BeepPlayer } from "./beep_processes.ts";
import { PageObserver } from "./page_observer.ts";
import { prioritize } from "./priority.ts";
import { LOUDSPEAKER, startSoundServer } from "./sound_server.ts";
import { recordSync, SETTLING_TIME, type SyncOptions, type SyncRecord } from "./sync.ts";

/** Time after the click that does not count, in milliseconds. */
const WARM_UP = 8_000;
/** Time limit for the page to show a picture and for the beeps to be heard, in milliseconds. */
const START_TIMEOUT = 30_000;

/** A microphone, loudspeaker and server for tests of the synchronisation. */
export class SoundStudio implements AsyncDisposable {
  readonly audio: PulseAudio;
  readonly server: Server;
  readonly listener: BeepListener;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    stack: AsyncDisposableStack,
    parts: { audio: PulseAudio; server: Server; listener: BeepListener },
  ) {
    this.#stack = stack;
    ({ audio: this.audio, server: this.server, listener: this.listener } = parts);
  }

  /**
   * Starts everything with priority over other work on this machine.
   *
   * @param env Settings of the server.
   */
  static async start(
    env: (audio: PulseAudio) => Record<string, string> = () => ({}),
  ): Promise<SoundStudio> {
    await using stack = new AsyncDisposableStack();
    const audio = stack.use(await PulseAudio.start());
    stack.use(new BeepPlayer(audio));
    const listener = stack.use(new BeepListener(audio));
    const server = stack.use(await startSoundServer(audio, env(audio)));
    await prioritize();
    return new SoundStudio(stack.move(), { audio, server, listener });
  }

  /** Options to start a browser with, so that it plays into the loudspeaker. */
  get browserOptions(): { readonly env: Readonly<Record<string, string>> } {
    return { env: this.audio.env };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** A page with sound, and what is seen and heard. */
export interface SyncRun {
  readonly record: SyncRecord;
  readonly observer: PageObserver;
  /** From when on the record counts, in milliseconds since the Unix epoch. */
  readonly from: number;
}

/** Opens the page, clicks on the loudspeaker, and records what is seen and heard. */
export async function runSync(
  browser: Browser,
  listener: BeepListener,
  options: Pick<SyncOptions, "duration" | "onMinute"> & { readonly url: string },
): Promise<SyncRun> {
  const { url, duration, onMinute } = options;
  await browser.goTo(url);
  const isLoaded = `document.readyState === "complete" && location.protocol === "http:" &&
    document.querySelector(${JSON.stringify(LOUDSPEAKER)})?.hidden === false`;
  await until(() => browser.evaluate<boolean>(isLoaded), "the page has a loudspeaker button");
  const observer = await PageObserver.start((expression) => browser.evaluate(expression));
  await until(async () => (await observer.take()).pictures > 0, "the page shows pictures");
  await browser.click(LOUDSPEAKER);
  await prioritize();
  let record = await recordSync({ observer, listener, duration: WARM_UP });
  const from = Date.now();
  if (record.countBeeps(from - SETTLING_TIME) === 0) throw new Error("No beep was heard");
  record = await recordSync({ observer, listener, duration, onMinute, record });
  return { record, observer, from };
}

/** Waits until a condition holds; it may throw while a page loads. */
async function until(condition: () => Promise<boolean>, name: string): Promise<void> {
  for (const begun = performance.now();;) {
    let failure: unknown;
    try {
      if (await condition()) return;
    } catch (error) {
      failure = error;
    }
    if (performance.now() - begun > START_TIMEOUT) {
      throw new Error(`Not within ${START_TIMEOUT} ms: ${name}`, { cause: failure });
    }
    await systemClock.sleep(100);
  }
}
