import { assert, assertEquals, assertGreater } from "@std/assert";
import { Buffer } from "node:buffer";
import { openLibc } from "../../../lib/libc.ts";
import { findSockets, isConnectedTo, SOCKET_FUNCTIONS } from "../../../lib/sockets/descriptors.ts";
import { SEND_FUNCTIONS, ZeroCopySender } from "../../../lib/sockets/zero_copy_sender.ts";

// These tests send through the kernel of this machine, to clients that check each byte.

const ignore = Deno.build.os !== "linux";
/** Sizes of frames, in bytes. The last ones are too large for a pipe of an unprivileged user. */
const SIZES = [1_000, 16_384, 60_000, 114_000, 113_999, 300_000, 900_000, 1_048_576, 3_000_000];

/** One C library for all tests. */
const libc = ignore ? undefined! : openLibc({ ...SOCKET_FUNCTIONS, ...SEND_FUNCTIONS });

type Functions = ConstructorParameters<typeof ZeroCopySender>[0];

for (const receivers of [3, 11, 12, 50]) {
  Deno.test({
    name: `ZeroCopySender sends frames of all sizes to ${receivers} sockets, byte by byte`,
    ignore,
    fn: async () => {
      await using kernel = await setUp(receivers);
      for (let frame = 0; frame < 3 * SIZES.length; frame++) {
        await kernel.send(frameOf(frame, SIZES[frame % SIZES.length]!));
      }
      assertEquals(await kernel.finish(), Array(receivers).fill(3 * SIZES.length));
      assertEquals(kernel.tees() > 0, receivers >= 12);
      assertEquals(kernel.writes(), 0);
    },
  });
}

Deno.test({
  name: "ZeroCopySender sends the right bytes if the kernel limits the send buffer of the pair",
  ignore,
  fn: async () => {
    for (const limit of [2_304, 20_000, 212_992]) {
      await using kernel = await setUp(12, {
        setsockopt(socket, level, option, value, size) {
          (value as Int32Array)[0] = limit;
          return libc.symbols.setsockopt(socket, level, option, value, size);
        },
      });
      for (let frame = 0; frame < 30; frame++) {
        await kernel.send(frameOf(frame, SIZES[frame % 8]!));
      }
      assertEquals(await kernel.finish(), Array(12).fill(30));
      assertGreater(kernel.tees(), 0);
      assertEquals(kernel.writes() > 0, limit === 2_304); // too many small blocks for the pipe
    }
  },
});

Deno.test({
  name: "ZeroCopySender sends the right bytes if the kernel refuses a pair, splice or tee",
  ignore,
  fn: async () => {
    const limits: Partial<Functions>[] = [
      { socketpair: () => -1 },
      { splice: () => -1 },
      { tee: () => -1 },
      { open: () => -1 },
      { pipe2: () => -1 },
    ];
    for (const limit of limits) {
      await using kernel = await setUp(12, limit);
      for (let frame = 0; frame < 12; frame++) await kernel.send(frameOf(frame, 114_000 + frame));
      assertEquals(await kernel.finish(), Array(12).fill(12));
    }
  },
});

Deno.test({
  name: "ZeroCopySender does not change bytes in flight when it reuses a pipe",
  ignore,
  fn: async () => {
    await using kernel = await setUp(20);
    const late = kernel.clients[10]!;
    late.paused = true;
    // The late client's socket is full of references to the pages of earlier frames.
    for (let frame = 0; frame < 100; frame++) {
      await kernel.send(frameOf(frame, 114_000 + 501 * (frame % 7)), { wait: false });
    }
    assertGreater(late.left, 0);
    kernel.clear();
    late.paused = false;
    const counts = await kernel.finish();
    assertGreater(counts[10]!, 2);
    assertEquals(Math.max(...counts), 100);
    assertGreater(kernel.tees(), 500);
  },
});

Deno.test({
  name: "ZeroCopySender keeps the number of descriptors over 200 frames of two cameras",
  ignore,
  fn: async () => {
    await using kernel = await setUp(26);
    const before = countDescriptors();
    const cameras = [kernel.clients.slice(0, 13), kernel.clients.slice(13)];
    let open = 0;
    for (let frame = 0; frame < 200; frame++) {
      const clients = cameras[frame % 2];
      await kernel.send(frameOf(frame, frame % 2 ? 160_000 : 70_000 + frame), { clients });
      if (frame === 100) kernel.clients[5]!.leave();
      if (frame === 20) open = countDescriptors();
    }
    assertEquals(countDescriptors(), open - 2); // of the client that has left
    const counts = await kernel.finish();
    counts.splice(5, 1);
    assertEquals(counts, Array(25).fill(100));
    kernel.clear();
    assertEquals(countDescriptors(), before - 2);
  },
});

/** Creates a frame whose bytes show if some are missing or misplaced. */
function frameOf(sequence: number, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 16) bytes[at] = sequence + at / 16 + at / 4096;
  return bytes;
}

/** Counts the open descriptors of this process. */
function countDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

/** Connects clients to a sender. `limits` replace functions of the C library. */
async function setUp(count: number, limits: Partial<Functions> = {}) {
  let [tees, writes] = [0, 0];
  const real = { ...libc.symbols, ...limits };
  const sender = new ZeroCopySender({
    ...real,
    tee(from, to, length, flags) {
      tees++;
      return real.tee(from, to, length, flags);
    },
    write(descriptor, bytes, length) {
      writes++;
      return real.write(descriptor, bytes, length);
    },
  });
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const clients: Client[] = [];
  for (let n = 0; n < count; n++) {
    const connecting = Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    const accepted = await listener.accept();
    clients.push(new Client(sender, await connecting, accepted));
  }
  return {
    clients,
    /** Number of calls of tee(2), and of write(2) to a pipe. */
    tees: () => tees,
    writes: () => writes,
    clear: () => sender.clear(),
    /** Sends a frame to all clients, or those given, and waits until the kernel has the bytes. */
    async send(
      frame: Uint8Array<ArrayBuffer>,
      { clients: receivers = clients, wait = true }: { clients?: Client[]; wait?: boolean } = {},
    ) {
      for (const client of receivers) client.send(frame);
      const active = receivers.filter(({ paused }) => !paused);
      if (wait) await Promise.all(active.map((client) => client.sent()));
      else await new Promise((resolve) => setTimeout(resolve, 2));
    },
    /** Ends the streams. @returns The number of frames that each client has received. */
    async finish() {
      await Promise.all(clients.map((client) => client.sent()));
      return await Promise.all(clients.map((client) => client.finish()));
    },
    [Symbol.asyncDispose]() {
      for (const client of clients) client.leave();
      listener.close();
      sender.clear();
      return Promise.resolve();
    },
  };
}

/** A client, and the server's side of its connection. */
class Client {
  /** Whether the client does not read. */
  paused = false;
  /** Number of frames that were left out, as the connection was still busy with another one. */
  left = 0;
  readonly #sender: ZeroCopySender;
  readonly #connection: Deno.TcpConn;
  readonly #accepted: Deno.TcpConn;
  readonly #socket: number;
  readonly #expected: Uint8Array<ArrayBuffer>[] = [];
  /** The rest of a frame that the kernel did not accept at once. */
  #rest: Promise<void> | undefined;
  #gone = false;
  readonly #received: Promise<number>;

  constructor(sender: ZeroCopySender, connection: Deno.TcpConn, accepted: Deno.TcpConn) {
    this.#sender = sender;
    this.#connection = connection;
    this.#accepted = accepted;
    const { port } = accepted.localAddr as Deno.NetAddr;
    const client = accepted.remoteAddr as Deno.NetAddr;
    const sockets = [...findSockets(port, libc.symbols)]
      .filter((socket) => isConnectedTo(client, socket, libc.symbols));
    assertEquals(sockets.length, 1);
    this.#socket = sockets[0]!;
    this.#received = this.#receive();
    this.#received.catch(() => this.leave()); // finish() reports it
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    if (this.#gone) return;
    if (this.#rest) return void this.left++;
    this.#expected.push(frame);
    const sent = Math.max(0, this.#sender.send(this.#socket, frame));
    if (sent < frame.length) this.#rest = this.#write(frame.subarray(sent));
  }

  async sent(): Promise<void> {
    await this.#rest;
  }

  /** @returns The number of frames received. */
  async finish(): Promise<number> {
    if (!this.#gone) await this.#accepted.closeWrite();
    return await this.#received;
  }

  leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#connection.close();
    this.#accepted.close();
  }

  async #write(rest: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      while (rest.length > 0) rest = rest.subarray(await this.#accepted.write(rest));
    } catch (error) {
      if (!this.#gone) throw error;
    }
    this.#rest = undefined;
  }

  async #receive(): Promise<number> {
    const buffer = new Uint8Array(262_144);
    let [frame, position] = [0, 0];
    for (;;) {
      while (this.paused) await new Promise((resolve) => setTimeout(resolve, 5));
      const size = this.#gone ? null : await this.#connection.read(buffer).catch(() => null);
      if (size === null) break;
      for (let at = 0; at < size;) {
        const expected = this.#expected[frame];
        assert(expected, "more bytes than were sent");
        const count = Math.min(size - at, expected.length - position);
        const actual = Buffer.from(buffer.buffer, at, count);
        const isEqual = actual.equals(expected.subarray(position, position + count));
        assert(isEqual, `bytes of frame ${frame} from ${position} on`);
        [at, position] = [at + count, position + count];
        if (position < expected.length) continue;
        [frame, position] = [frame + 1, 0];
      }
    }
    assert(this.#gone || position === 0, "the last frame is not complete");
    return frame;
  }
}
