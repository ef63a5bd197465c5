import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { ZeroCopySender } from "../../../lib/sockets/zero_copy_sender.ts";

const FRAME_SIZE = 80_000;
/** The calls for ten sockets if each gets a copy. */
const COPIES = Array.from({ length: 10 }, (_, socket) => `send ${socket}`);
/** The calls for ten sockets if each gets references to the pages of a pipe. */
const SPLICES = Array.from({ length: 10 }, (_, socket) => `splice ${socket}`);

Deno.test("ZeroCopySender sends to many sockets from a pipe, and reuses old pipes", () => {
  const { sender, open, opened, sendToTen } = setUp();
  assertEquals(sendToTen().calls, [...COPIES.slice(0, 7), ...SPLICES.slice(7)]);
  for (let frame = 0; frame < 10; frame++) {
    const { calls, sent } = sendToTen();
    assertEquals(calls, SPLICES);
    assertEquals(sent, Array(10).fill(FRAME_SIZE));
  }
  // Pipes: four cached, and the staging pipe; the pair of sockets, and /dev/null.
  assertEquals([open.size, opened()], [13, 13]);
  sender.clear();
  assertEquals(open.size, 0);
});

Deno.test("ZeroCopySender copies for each socket, and opens nothing, for few sockets", () => {
  const { sender, open } = setUp();
  for (let frame = 0; frame < 20; frame++) {
    const bytes = new Uint8Array(FRAME_SIZE);
    for (let socket = 0; socket < 7; socket++) sender.send(socket, bytes);
  }
  assertEquals(open.size, 0);
});

Deno.test("ZeroCopySender expects few receivers again after frames with few receivers", () => {
  const { sender, sendToTen, calls } = setUp();
  sendToTen();
  for (let frame = 0; frame < 4; frame++) sender.send(0, new Uint8Array(FRAME_SIZE));
  calls.length = 0;
  assertEquals(sendToTen().calls, [...COPIES.slice(0, 7), ...SPLICES.slice(7)]);
});

Deno.test("ZeroCopySender copies for the only viewer of a camera while another has many", () => {
  const { sender, writes, pairSends, sendToTen } = setUp();
  for (let frame = 0; frame < 5; frame++) {
    sendToTen();
    sender.send(100, new Uint8Array(FRAME_SIZE));
  }
  assertEquals([pairSends.length, writes.length], [5 * 3, 0]); // in pieces of 32 KiB
});

Deno.test("ZeroCopySender sends a frame from its pipe after it has sent other frames", () => {
  const { sendToTen } = setUp();
  const frames = Array.from({ length: 4 }, () => new Uint8Array(FRAME_SIZE));
  for (const frame of frames) sendToTen(frame);
  for (const frame of frames) assertEquals(sendToTen(frame).calls, SPLICES);
});

Deno.test("ZeroCopySender replaces a pipe that is too small for a frame", () => {
  const { open, opened, sendToTen } = setUp();
  for (let frame = 0; frame < 5; frame++) sendToTen();
  assertEquals([open.size, opened()], [13, 13]);
  for (let frame = 0; frame < 8; frame++) {
    assertEquals(sendToTen(new Uint8Array(2 * FRAME_SIZE)).sent, Array(10).fill(2 * FRAME_SIZE));
  }
  assertEquals([open.size, opened()], [13, 13 + 5 * 2]);
});

Deno.test("ZeroCopySender fills a pipe in several rounds if the send buffer is small", () => {
  const { sendToTen, writes, pairSends } = setUp({ buffer: 30_000 });
  assertEquals(sendToTen().calls, [...COPIES.slice(0, 7), ...SPLICES.slice(7)]);
  assertEquals(pairSends, [30_000, 30_000, 20_000]);
  assertEquals(writes, []);
});

Deno.test("ZeroCopySender fills pipes by write(2) once a pair of sockets is refused or fails", () => {
  for (const limits of [{ pair: true }, { buffer: 0 }, { buffer: 10 }, { pairSplice: -1 }]) {
    const { sender, open, sendToTen, writes, pairSends } = setUp(limits);
    for (let frame = 0; frame < 3; frame++) {
      const { calls, sent } = sendToTen();
      assertEquals(calls.slice(-3), SPLICES.slice(-3));
      assertEquals(sent, Array(10).fill(FRAME_SIZE));
    }
    assertEquals(writes, Array(3).fill(FRAME_SIZE));
    assertLessOrEqual(pairSends.length, 64); // in the first frame only
    assertEquals(open.size, 4 * 2);
    sender.clear();
    assertEquals(open.size, 0);
  }
});

Deno.test("ZeroCopySender opens new pipes if it cannot empty the old ones", () => {
  for (const limits of [{ devNull: true }, { devNullSplice: -1 }, { devNullSplice: 100 }]) {
    const { sender, open, sendToTen } = setUp({ ...limits, splice: 7_000 });
    for (let frame = 0; frame < 20; frame++) {
      assertEquals(sendToTen().sent.slice(7), [7_000, 7_000, 7_000]);
      assertLessOrEqual(open.size, 13);
    }
    sender.clear();
    assertEquals(open.size, 0);
  }
});

Deno.test("ZeroCopySender copies small frames for each socket", () => {
  const { open, sendToTen } = setUp();
  assertEquals(sendToTen(new Uint8Array(65_535)), { calls: COPIES, sent: Array(10).fill(65_535) });
  assertEquals(open.size, 0);
});

Deno.test("ZeroCopySender returns the number of bytes sent, and discards the rest", () => {
  const { open, sendToTen } = setUp({ splice: 7_000 });
  assertEquals(sendToTen().sent, [...Array(7).fill(FRAME_SIZE), 7_000, 7_000, 7_000]);
  // The pipe of the frame, the staging pipe, the pair of sockets, and /dev/null.
  assertEquals(open.size, 7);
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
  /** Result of each splice(2) to a receiver; by default it sends everything. */
  splice?: number;
  /** Whether it refuses pairs of sockets. */
  pair?: boolean;
  /** Number of bytes that a socket of a pair accepts at once. */
  buffer?: number;
  /** Result of each splice(2) from a pair; by default it moves everything. */
  pairSplice?: number;
  /** Whether `/dev/null` is missing. */
  devNull?: boolean;
  /** Result of each splice(2) to `/dev/null`; by default it moves everything. */
  devNullSplice?: number;
}

/** Creates a sender on a fake kernel, which records the calls and ignores the bytes. */
function setUp(limits: Limits = {}) {
  const { size = 1_048_576, buffer = Infinity } = limits;
  const calls: string[] = [];
  const writes: number[] = [];
  const pairSends: number[] = [];
  const open = new Set<number>();
  let opened = 0;
  let [pairInput, pairOutput, devNull] = [-1, -1, -1];
  const openTwo = (ends: unknown) => {
    const pair = [openOne(), openOne()] as const;
    (ends as Int32Array).set(pair);
    return pair;
  };
  const openOne = () => {
    let next = 10; // the receivers have the numbers below
    while (open.has(next)) next++;
    open.add(next);
    opened++;
    return next;
  };
  const sender = new ZeroCopySender({
    pipe2(ends) {
      if (limits.pipe) return -1;
      openTwo(ends);
      return 0;
    },
    socketpair(_, __, ___, ends) {
      if (limits.pair) return -1;
      [pairInput, pairOutput] = openTwo(ends);
      return 0;
    },
    open: () => limits.devNull ? -1 : devNull = openOne(),
    setsockopt: () => 0,
    fcntl: (_, __, capacity) => capacity <= size ? capacity : -1,
    close(descriptor) {
      assert(open.delete(descriptor), "closed twice");
      return 0;
    },
    write(_, __, length) {
      writes.push(Number(length));
      return Number(length);
    },
    send(socket, _, length) {
      if (socket === pairInput && open.has(socket)) {
        pairSends.push(Math.min(buffer, Number(length)));
        return pairSends.at(-1)! || -1;
      }
      calls.push(`send ${socket}`);
      return Number(length);
    },
    tee: (_, __, length) => limits.tee ? -1 : Number(length),
    splice(from, _, to, __, length) {
      if (length === 0n) return 0;
      if (from === pairOutput && open.has(from)) return limits.pairSplice ?? Number(length);
      if (to === devNull) return limits.devNullSplice ?? Number(length);
      calls.push(`splice ${to}`);
      return limits.splice ?? Number(length);
    },
  });
  return {
    sender,
    calls,
    /** Sizes of the writes to pipes, and of the sends to pairs of sockets. */
    writes,
    pairSends,
    /** Open descriptors. */
    open,
    /** Number of descriptors ever opened. */
    opened: () => opened,
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
