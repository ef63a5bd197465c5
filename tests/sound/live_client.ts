/** A client of the live protocol, which acknowledges each frame at once. */
export class LiveClient implements AsyncDisposable {
  /** The frames, packets and so on since the last {@link reset}. */
  frames = new Reception();
  sound = new Reception();
  /** Called for each message of recorded sound, with the recording time of the first sample. */
  onRecordedSound: (samples: Int16Array<ArrayBuffer>, time: number) => void = () => {};
  readonly #socket: WebSocket;
  readonly #closed: Promise<unknown>;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => typeof data !== "string" && this.#onBinary(data);
    this.#closed = new Promise((resolve) => socket.onclose = resolve);
  }

  /** Connects. @param cameras Names of the cameras to watch. */
  static async open(url: string, cameras: readonly string[]): Promise<LiveClient> {
    const address = `${url.replace("http", "ws")}/live?version=3&watch=${cameras.join(",")}`;
    const client = new LiveClient(new WebSocket(address));
    await new Promise((resolve, reject) => {
      client.#socket.onopen = resolve;
      client.#socket.onerror = () => reject(new Error(`Cannot open ${address}`));
    });
    return client;
  }

  /** Listens to cameras, in place of those before. */
  listen(cameras: readonly string[]): void {
    this.send({ type: "listen", cameras });
  }

  send(message: object): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** Forgets what has been received. */
  reset(): void {
    this.frames = new Reception();
    this.sound = new Reception();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#closed;
  }

  #onBinary(data: ArrayBuffer): void {
    const view = new DataView(data);
    const [kind, camera] = [view.getUint8(0), view.getUint16(2)];
    const [sequence, time] = [view.getUint32(4), view.getFloat64(8)];
    if (kind === 1) {
      this.frames.add(sequence, time, data.byteLength);
      this.send({ type: "painted", camera, sequence });
    } else if (kind === 3) {
      this.sound.add(sequence, time, data.byteLength);
    } else if (kind === 2) {
      this.send({ type: "painted", camera, sequence, recorded: true });
    } else if (kind === 4) {
      this.onRecordedSound(new Int16Array(data, 16), time);
    }
  }
}

/** Messages of one kind that a client has received. */
export class Reception {
  /** Ages on arrival, in milliseconds. */
  readonly ages: number[] = [];
  bytes = 0;
  /** Number of messages missing between others. */
  missing = 0;
  /** When the last one arrived, in milliseconds since the Unix epoch. */
  lastAt = NaN;
  /** The longest time between two, in milliseconds. */
  longestGap = 0;
  #sequence: number | undefined;

  add(sequence: number, time: number, bytes: number): void {
    const now = performance.timeOrigin + performance.now();
    this.ages.push(now - time);
    this.bytes += bytes;
    if (this.#sequence !== undefined) {
      this.missing += Math.max(0, sequence - this.#sequence - 1);
      this.longestGap = Math.max(this.longestGap, now - this.lastAt);
    }
    this.#sequence = sequence;
    this.lastAt = now;
  }
}
