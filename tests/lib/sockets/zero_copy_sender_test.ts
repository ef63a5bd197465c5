import { assertEquals } from "@std/assert";
import { ZeroCopySender } from "../../../lib/sockets/zero_copy_sender.ts";

const FRAME_SIZE = 20_000;
/** The calls for ten sockets if each gets a copy. */
const COPIES = Array.from({ length: 10 }, (_, socket) => `send ${socket}`);

Deno.test("ZeroCopySender sends to many sockets from a pipe, and closes old pipes", () => {
  const { sender, open, sendToTen } = setUp();
  for (let frame = 0; frame < 10; frame++) {
    const { calls, sent } = sendToTen();
    assertEquals(calls, [...COPIES.slice(0, 7), "splice 7", "splice 8", "splice 9"]);
    assertEquals(sent, Array(10).fill(FRAME_SIZE));
  }
  assertEquals(open.size, 4 * 2 + 2);
  sender.clear();
  assertEquals(open.size, 0);
});

Deno.test("ZeroCopySender reuses a frame's pipe after it has sent other frames", () => {
  const { sendToTen } = setUp();
  const frames = Array.from({ length: 4 }, () => new Uint8Array(FRAME_SIZE));
  for (const frame of frames) sendToTen(frame);
  for (const frame of frames) {
    assertEquals(sendToTen(frame).calls, COPIES.map((call) => call.replace("send", "splice")));
  }
});

Deno.test("ZeroCopySender copies small frames for each socket", () => {
  const { open, sendToTen } = setUp();
  assertEquals(sendToTen(new Uint8Array(1_000)), { calls: COPIES, sent: Array(10).fill(1_000) });
  assertEquals(open.size, 0);
});

Deno.test("ZeroCopySender returns the number of bytes sent, and discards the rest", () => {
  const { open, sendToTen } = setUp({ splice: 7_000 });
  assertEquals(sendToTen().sent, [...Array(7).fill(FRAME_SIZE), 7_000, 7_000, 7_000]);
  assertEquals(open.size, 2);
});

Deno.test("ZeroCopySender copies if a pipe, its capacity, tee or splice is refused", () => {
  for (const limits of [{ pipe: true }, { size: 16_384 }, { tee: true }]) {
    const { open, sendToTen } = setUp(limits);
    for (let frame = 0; frame < 3; frame++) {
      assertEquals(sendToTen(), { calls: COPIES, sent: Array(10).fill(FRAME_SIZE) });
    }
    assertEquals(open.size, 0);
  }
  const { sendToTen } = setUp({ splice: -1 });
  const { calls, sent } = sendToTen();
  assertEquals(calls.slice(-2), ["splice 9", "send 9"]);
  assertEquals(sent, Array(10).fill(FRAME_SIZE));
});

/** Limits of the fake kernel. */
interface Limits {
  /** Whether it refuses pipes. */
  pipe?: boolean;
  /** Maximum capacity of a pipe, in bytes. */
  size?: number;
  /** Whether tee(2) fails. */
  tee?: boolean;
  /** Result of each splice(2); by default it sends everything. */
  splice?: number;
}

/** Creates a sender on a fake kernel, which records the calls and ignores the bytes. */
function setUp({ pipe, size = 1_048_576, tee, splice }: Limits = {}) {
  const calls: string[] = [];
  const open = new Set<number>();
  const sender = new ZeroCopySender({
    pipe2(ends) {
      if (pipe) return -1;
      const next = Math.max(9, ...open) + 1;
      (ends as Int32Array).set([next, next + 1]);
      open.add(next).add(next + 1);
      return 0;
    },
    fcntl: (_, __, capacity) => capacity <= size ? capacity : -1,
    close(descriptor) {
      open.delete(descriptor);
      return 0;
    },
    write: (_, __, length) => Number(length),
    send(socket, _, length) {
      calls.push(`send ${socket}`);
      return Number(length);
    },
    tee: (_, __, length) => tee ? -1 : Number(length),
    splice(_, __, socket, ___, length) {
      calls.push(`splice ${socket}`);
      return splice ?? Number(length);
    },
  });
  return {
    sender,
    /** Open descriptors of pipes. */
    open,
    /**
     * Sends the same bytes to ten sockets.
     *
     * @returns The calls for that, and the bytes sent to each.
     */
    sendToTen(bytes = new Uint8Array(FRAME_SIZE)) {
      const sent = Array.from({ length: 10 }, (_, socket) => sender.send(socket, bytes));
      return { calls: calls.splice(0), sent };
    },
  };
}
