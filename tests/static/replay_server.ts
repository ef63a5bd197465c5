import type { Bytes } from "../../lib/bytes.ts";
import { pageRoutes, type Pages } from "../../lib/http/page_routes.ts";
import { splitJpegs } from "../../lib/jpeg/split.ts";
import { FRAME_HEADER, PROTOCOL_VERSION } from "../../lib/live/mod.ts";
import { FAKES } from "../server.ts";

/** Time between two frames of the archive, in milliseconds. */
export const INTERVAL = 100;
/** Number of different pictures; their numbers repeat. */
export const PICTURES = 240;
/** Samples per second of the sound, and the durations of live and recorded packets. */
export const RATE = 24_000;
const PACKET = 20;
const RECORDED_PACKET = 100;
/** Interval in which a session looks for due frames, in milliseconds. */
const TICK = 10;

/** Options of a {@link ReplayServer}. */
export interface ReplayServerOptions {
  pages: Pages;
  /** Pictures of the stand-in camera; see {@link takePictures}. */
  pictures: readonly Bytes[];
  /** Names of the cameras, by index. @default {["front"]} */
  cameras?: readonly string[];
  /** Recorded periods, relative to now, in milliseconds. @default {[[-7_200_000, 0]]} */
  periods?: readonly (readonly [number, number])[];
  /** Whether `hello` says that recordings can be played. @default {true} */
  replay?: boolean;
  /** Delay before a recorded frame is sent, in milliseconds. */
  delay?: number;
  /** Names of cameras without recordings. */
  unrecorded?: readonly string[];
  /** Added to the recording status of the cameras. */
  recording?: Record<string, unknown>;
  /** State of the microphones; without it, the cameras have no sound. */
  sound?: Record<string, unknown>;
}

/** Runs the stand-in camera for `PICTURES` pictures with numbers from 0. */
export async function takePictures(): Promise<Bytes[]> {
  // On a busy machine, the camera skips pictures at a high frame rate.
  for (const fps of [90, 60, 30, 15, 8]) {
    const { stdout } = await new Deno.Command(`${FAKES}/rpicam-vid`, {
      args: [
        ...["-n", "--codec", "mjpeg", "--width", "320", "--height", "240", "--flush"],
        ...["--framerate", `${fps}`, "--frames", `${PICTURES}`, "-t", "0", "-o", "-"],
      ],
      env: { FAKE_CAMERA_ID: crypto.randomUUID() },
      stdin: "null",
      stderr: "null",
    }).output();
    const pictures = await Array.fromAsync(splitJpegs(new Blob([stdout]).stream()));
    if (pictures.length === PICTURES) return pictures;
  }
  throw new Error("The stand-in camera skips pictures");
}

/**
 * Serves the page and an archive of pictures, and speaks the protocol of the live player with
 * `replay`, `step` and `live`. The picture at a time `t` has the number `numberAt(t)`.
 */
export class ReplayServer implements AsyncDisposable {
  /** Text messages from the page, without pings and acknowledgements. */
  readonly received: Record<string, unknown>[] = [];
  /** Acknowledgements of recorded frames so far. */
  acknowledged = 0;
  /** Paths and queries of the requests for recordings, marks and clips. */
  readonly requests: string[] = [];
  readonly url: string;
  /** Time of the first frame, in milliseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly marks: { at: number; label: string; before: number; after: number; keep: boolean }[] =
    [];
  /** Sockets of the pages. */
  readonly #sessions = new Set<Session>();
  readonly options: Required<Omit<ReplayServerOptions, "pages" | "sound">>;
  /** State of the microphones, if the cameras have any. */
  sound: Record<string, unknown> | undefined;
  /** Heights that the pictures can have, ascending, by camera. */
  heights: Readonly<Record<string, readonly number[]>> = {};
  /** How long after the sound a live picture is sent, in milliseconds. */
  pictureDelay = 0;
  /** Duration of the live sound that is sent at once, in milliseconds. */
  soundChunk = PACKET;
  /** Number of pictures sent so far. */
  sent = 0;
  /** The cameras that the server has at present; see {@link show}. */
  listed: readonly string[];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor({ pages, sound, ...options }: ReplayServerOptions) {
    this.sound = sound;
    this.options = {
      ...{ cameras: ["front"], periods: [[-7_200_000, 0]], replay: true, delay: 0 },
      ...{ recording: {}, unrecorded: [] },
      ...options,
    };
    this.listed = this.options.cameras;
    this.startedAt = Math.floor(Date.now() / 1000) * 1000;
    const routes = pageRoutes(pages);
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
      const { pathname, search, searchParams } = new URL(request.url);
      if (pathname === "/cameras") return Response.json(this.status());
      if (pathname === "/live") return this.#open(request);
      const route = /^\/cameras\/\w+\/(recordings|marks|clip\.\w+)$/.exec(pathname)?.[1];
      if (!route) return routes.fetch(request);
      this.requests.push(`${request.method} ${pathname}${search}`);
      return this.#answer(route, request.method, searchParams);
    });
    this.url = `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Recorded periods; the last one grows if it ends at the present. */
  get periods(): (readonly [number, number])[] {
    return this.options.periods.map(([start, end]) =>
      [this.startedAt + start, end === 0 ? this.latest : this.startedAt + end] as const
    );
  }

  /** Time of the newest frame. */
  get latest(): number {
    return Math.floor(Date.now() / INTERVAL) * INTERVAL;
  }

  /** Number of the picture at a time. */
  numberAt(time: number): number {
    return Math.floor(time / INTERVAL) % PICTURES;
  }

  /** Returns the time of the last frame at or before a time, or of the first one after it. */
  find(time: number, edge: "before" | "after"): number | undefined {
    const rounded = (edge === "before" ? Math.floor : Math.ceil)(time / INTERVAL) * INTERVAL;
    const periods = this.periods;
    if (edge === "before") {
      const period = periods.findLast(([start]) => start <= rounded);
      return period && Math.min(period[1], rounded);
    }
    const period = periods.find(([, end]) => end >= rounded);
    return period && Math.max(period[0], rounded);
  }

  status(): unknown[] {
    const periods = this.periods;
    const recording = this.options.replay
      ? {
        recording: {
          ...{ state: "recording", since: this.startedAt, frames: 1, dropped: 0 },
          ...{ bytesPerSecond: 1e6, oldest: periods[0]?.[0] ?? null, bytes: 1e9 },
          ...{ newest: periods.at(-1)?.[1] ?? null, holdsSeconds: 22_800 },
          ...this.options.recording,
        },
      }
      : {};
    return this.listed.map((name) => ({
      index: this.options.cameras.indexOf(name),
      ...{ name, driver: "fake", state: "streaming", fps: 10, viewers: 1, resolution: "320x240" },
      ...{ lastFailure: null, failures: 0, frames: Math.floor(Date.now() / INTERVAL) % 2 ** 31 },
      ...recording,
      ...{ heights: this.heights[name] },
      ...this.sound ? { sound: { ...SOUND, ...this.sound } } : {},
      ...this.options.unrecorded.includes(name)
        ? { recording: { state: "off", oldest: null, newest: null } }
        : {},
    }));
  }

  /** Number of pages that are connected. */
  get connections(): number {
    return this.#sessions.size;
  }

  /** Has these cameras from now on, of those in the options, and tells the pages. */
  show(...names: string[]): void {
    this.listed = names;
    for (const session of this.#sessions) session.sendList();
  }

  /** Closes the sockets of the pages. */
  disconnect(): void {
    for (const session of this.#sessions) session.socket.close(1001, "");
  }

  #open(request: Request): Response {
    if (request.headers.get("Upgrade") !== "websocket") return new Response("", { status: 426 });
    const { socket, response } = Deno.upgradeWebSocket(request);
    const session = new Session(this, socket);
    socket.onopen = () => {
      this.#sessions.add(session);
      session.start();
    };
    socket.onclose = () => {
      this.#sessions.delete(session);
      session.stop();
    };
    socket.onmessage = ({ data }) => session.receive(JSON.parse(data));
    return response;
  }

  #answer(route: string, method: string, query: URLSearchParams): Response | Promise<Response> {
    const read = (name: string) => 1000 * Number(query.get(name));
    if (route === "marks" && method === "POST") {
      const at = Date.parse(query.get("at")!);
      this.marks.push({
        ...{ at, label: query.get("label")!, before: 0, after: 0 },
        keep: query.get("keep") === "1",
      });
      return new Response(null, { status: 201 });
    }
    const [from, to] = [read("from"), read("to")];
    const periods = this.periods.filter(([start, end]) => start <= to && end >= from);
    if (route === "marks") return Response.json(this.marks);
    if (route === "recordings") {
      const interval = Math.max(1_000, (to - from) / 600);
      const length = Math.ceil((to - from) / interval);
      const activity = Array.from({ length }, (_, i) => {
        const time = from + i * interval;
        if (!periods.some(([start, end]) => time >= start && time <= end)) return "-";
        return `${Math.max(0, Math.round(9 * Math.sin(time / 240_000) ** 9))}`;
      });
      return Response.json({
        ...{ oldest: this.periods[0]?.[0], newest: this.latest, bytes: 1, state: "recording" },
        spans: periods.map(([start, end]) => ({ start, end, frames: 1, bytes: 1 })),
        ...{ activity: activity.join(""), activityInterval: interval },
      });
    }
    if (periods.length === 0) return new Response("Nothing was recorded then\n", { status: 404 });
    const speed = Number(query.get("speed") ?? 1);
    const frames = Math.round((to - from) / INTERVAL);
    const headers = new Headers({
      "X-Clip-Frames": `${frames}`,
      "X-Clip-Duration": `${(to - from) / 1000 / speed}`,
    });
    if (route !== "clip.mp4") {
      const isConverted = query.has("height") || query.has("overlay");
      const clip = new Uint8Array(frames * (isConverted ? 100 : 1_000));
      const length = isConverted ? "X-Clip-Estimated-Length" : "Content-Length";
      headers.set(length, `${clip.length}`);
      headers.set("Content-Disposition", `attachment; filename="clip.${route.slice(5)}"`);
      return new Response(method === "HEAD" ? null : clip, { headers });
    }
    return this.answerMp4(method, headers);
  }

  /** Answers a request for an MP4; tests replace it. */
  answerMp4(_method: string, _headers: Headers): Response | Promise<Response> {
    const text = "Cannot encode MP4: ffmpeg is not installed; choose clip.mkv\n";
    return new Response(text, { status: 501 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disconnect();
    await this.#server.shutdown();
  }
}

/** State of a microphone that works. */
const SOUND = { state: "streaming", listeners: 1, rate: RATE, lastFailure: null };

/** Returns a beep of 100 ms at each full second, from a time on. */
function samplesAt(time: number, duration: number): Int16Array {
  return Int16Array.from({ length: RATE * duration / 1_000 }, (_, i) => {
    const ms = (time + i * 1_000 / RATE) % 1_000;
    return ms < 100 ? Math.round(12_000 * Math.sin(2 * Math.PI * ms)) : 0;
  });
}

/** Playhead of one camera of a session. */
interface Playhead {
  /** Undefined while the camera is live. */
  request?: { id: number; at: number; since: number; speed: number };
  /** Time of the frame that was sent last. */
  shown?: number;
  inFlight: boolean;
  delivery: number;
  /** Time of the live frame that was sent last. */
  sentAt: number;
  /** Time of the next packet of sound, and the number of packets so far. */
  soundAt: number;
  packets: number;
}

/** A page's connection. */
class Session {
  readonly socket: WebSocket;
  readonly #server: ReplayServer;
  readonly #playheads: Playhead[];
  #watched: readonly string[] = [];
  #listened: readonly string[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(server: ReplayServer, socket: WebSocket) {
    this.#server = server;
    this.socket = socket;
    this.#playheads = server.options.cameras.map(() => ({
      inFlight: false,
      delivery: 0,
      sentAt: 0,
      soundAt: NaN,
      packets: 0,
    }));
    this.#watched = server.options.cameras;
  }

  start(): void {
    const { replay } = this.#server.options;
    const hello = { type: "hello", version: PROTOCOL_VERSION, ...replay ? { replay } : {} };
    this.#send({ ...hello, now: Date.now(), cameras: this.#server.status() });
    this.#timer = setInterval(() => this.#playheads.forEach((_, i) => this.#tick(i)), TICK);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Sends the cameras, and ends what is played of the others. */
  sendList(): void {
    this.#send({ type: "cameras", now: Date.now(), cameras: this.#server.status() });
    for (const [index, playhead] of this.#playheads.entries()) {
      const isListed = this.#server.listed.includes(this.#server.options.cameras[index]!);
      if (!isListed) Object.assign(playhead, { request: undefined, inFlight: false });
    }
  }

  receive(message: Record<string, unknown>): void {
    if (message.type === "ping") {
      const { id } = message;
      return this.#send({ type: "pong", id, now: Date.now(), cameras: this.#server.status() });
    }
    if (message.type === "painted") {
      if (message.recorded) this.#server.acknowledged++;
      this.#playheads[message.camera as number]!.inFlight = false;
      return;
    }
    this.#server.received.push(message);
    const names = message.cameras as string[];
    if (message.type === "watch") this.#watched = names;
    if (message.type === "listen") {
      this.#listened = names;
      for (const playhead of this.#playheads) playhead.soundAt = NaN;
      return;
    }
    const leader = names.map((name) => this.#playheads[this.#server.options.cameras.indexOf(name)])
      .find((playhead) => playhead?.request);
    const position = leader && this.#timeOf(leader);
    for (const name of names) {
      const camera = this.#server.options.cameras.indexOf(name);
      const playhead = this.#playheads[camera];
      if (!playhead || !this.#server.listed.includes(name)) continue;
      playhead.soundAt = NaN;
      if (message.type === "live") playhead.request = undefined;
      else if (message.type === "replay") {
        const at = message.at as number | null ?? position ?? this.#timeOf(playhead);
        const request = { id: message.id as number, at, since: Date.now() };
        playhead.request = { ...request, speed: message.speed as number };
        if (message.at !== null || message.speed !== 0) playhead.shown = undefined;
        this.#tell(camera, message.speed === 0 ? "paused" : "playing", { at });
      } else if (message.type === "step") {
        const at = (playhead.shown ?? this.#timeOf(playhead)) + INTERVAL * (message.by as number);
        playhead.request = { id: message.id as number, at, since: Date.now(), speed: 0 };
        playhead.shown = undefined;
      }
    }
  }

  #timeOf({ request }: Playhead): number {
    if (!request) return this.#server.latest;
    return request.at + request.speed * (Date.now() - request.since);
  }

  #tick(camera: number): void {
    const playhead = this.#playheads[camera]!;
    const name = this.#server.options.cameras[camera]!;
    if (!this.#server.listed.includes(name)) return;
    this.#sendSound(camera, name);
    if (playhead.inFlight || this.socket.readyState !== WebSocket.OPEN) return;
    const { request } = playhead;
    if (!request) {
      if (this.#watched.includes(name) && playhead.sentAt !== this.#server.latest) {
        const time = playhead.sentAt = this.#server.latest;
        const send = () => this.#sendFrame(camera, 1, time, time / INTERVAL % 2 ** 31);
        if (this.#server.pictureDelay > 0) setTimeout(send, this.#server.pictureDelay);
        else send();
      }
      return;
    }
    const at = this.#timeOf(playhead);
    const [oldest] = this.#server.periods[0]!;
    if (request.speed > 0 && at >= this.#server.latest) {
      playhead.request = undefined;
      return this.#tell(camera, "live", { id: request.id });
    }
    if (request.speed < 0 && at <= oldest) {
      playhead.request = { ...request, at: oldest, since: Date.now(), speed: 0 };
      return this.#tell(camera, "start", { at: oldest });
    }
    const time = this.#server.find(at, request.speed < 0 ? "after" : "before");
    if (time === undefined) return;
    // In a gap, the playhead jumps over it.
    if (request.speed !== 0 && Math.abs(time - at) > 2_000) {
      const next = this.#server.find(at, request.speed < 0 ? "before" : "after")!;
      playhead.request = { ...request, at: next, since: Date.now() };
      const [from, to] = request.speed < 0 ? [next, time] : [time, next];
      return this.#tell(camera, "gap", { from, to });
    }
    if (time === playhead.shown) return;
    playhead.shown = time;
    playhead.inFlight = true;
    setTimeout(
      () => this.#sendFrame(camera, 2, time, ++playhead.delivery),
      this.#server.options.delay,
    );
  }

  #tell(camera: number, state: string, more: object): void {
    const { request } = this.#playheads[camera]!;
    this.#send({ type: "replay", id: request?.id, camera, state, speed: request?.speed, ...more });
  }

  #sendFrame(camera: number, kind: number, time: number, sequence: number): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    this.#playheads[camera]!.inFlight = true;
    this.#server.sent++;
    const jpeg = this.#server.options.pictures[this.#server.numberAt(time)]!;
    const message = new Uint8Array(FRAME_HEADER + jpeg.length);
    const header = new DataView(message.buffer);
    header.setUint8(0, kind);
    header.setUint16(2, camera);
    header.setUint32(4, sequence);
    header.setFloat64(8, time);
    message.set(jpeg, FRAME_HEADER);
    this.socket.send(message);
  }

  /** Sends the packets of sound that are due. */
  #sendSound(camera: number, name: string): void {
    const playhead = this.#playheads[camera]!, { request } = playhead;
    if (this.socket.readyState !== WebSocket.OPEN || !this.#listened.includes(name)) return;
    if (this.#server.sound?.state !== undefined && this.#server.sound.state !== "streaming") return;
    if (request && request.speed !== 1) return;
    const now = this.#timeOf(playhead), duration = request ? RECORDED_PACKET : PACKET;
    const present = request ? now : Date.now();
    if (!(present - playhead.soundAt < 1_000)) playhead.soundAt = present - duration;
    if (!request && present - playhead.soundAt < this.#server.soundChunk) return;
    for (; playhead.soundAt + (request ? 0 : duration) <= present; playhead.soundAt += duration) {
      const samples = samplesAt(playhead.soundAt, duration);
      const message = new Uint8Array(FRAME_HEADER + samples.byteLength);
      const header = new DataView(message.buffer);
      header.setUint8(0, request ? 4 : 3);
      header.setUint16(2, camera);
      header.setUint32(4, request ? RATE : ++playhead.packets);
      header.setFloat64(8, playhead.soundAt);
      message.set(new Uint8Array(samples.buffer), FRAME_HEADER);
      this.socket.send(message);
    }
  }

  #send(message: object): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }
}
