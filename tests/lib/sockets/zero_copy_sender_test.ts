import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { ZeroCopySender } from "../../../lib/sockets/zero_copy_sender.ts";

const FRAME_SIZE = 80_000;
/** Number of sockets that get each frame. */
const SOCKETS = 14;
/** Number of sockets of a first frame that get copies: fewer are not worth a pipe. */
const FEW = 11;
/** The calls if each socket gets a copy. */
const COPIES = Array.from({ length: SOCKETS }, (_, socket) => `send ${socket}`);
/** The calls if each socket gets references to the pages of a pipe. */
const SPLICES = Array.from({ length: SOCKETS }, (_, socket) => `splice ${socket}`);

Deno.test("ZeroCopySender sends to many sockets from a pipe, and reuses old pipes", () => {
  const { sender, open, opened, sendToAll } = setUp();
  assertEquals(sendToAll().calls, [...COPIES.slice(0, FEW), ...SPLICES.slice(FEW)]);
  for (let frame = 0; frame < 10; frame++) {
    const { calls, sent } = sendToAll();
    assertEquals(calls, SPLICES);
    assertEquals(sent, Array(SOCKETS).fill(FRAME_SIZE));
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
    for (let socket = 0; socket < FEW; socket++) sender.send(socket, bytes);
  }
  assertEquals(open.size, 0);
});

Deno.test("ZeroCopySender expects few receivers again after frames with few receivers", () => {
  const { sender, sendToAll, calls } = setUp();
  sendToAll();
  for (let frame = 0; frame < 4; frame++) sender.send(0, new Uint8Array(FRAME_SIZE));
  calls.length = 0;
  assertEquals(sendToAll().calls, [...COPIES.slice(0, FEW), ...SPLICES.slice(FEW)]);
});

Deno.test("ZeroCopySender copies for the only viewer of a camera while another has many", () => {
  const { sender, writes, pairSends, sendToAll } = setUp();
  for (let frame = 0; frame < 5; frame++) {
    sendToAll();
    sender.send(100, new Uint8Array(FRAME_SIZE));
  }
  assertEquals([pairSends.length, writes.length], [5 * 3, 0]); // in pieces of 32 KiB
});

Deno.test("ZeroCopySender sends a frame from its pipe after it has sent other frames", () => {
  const { sendToAll } = setUp();
  const frames = Array.from({ length: 4 }, () => new Uint8Array(FRAME_SIZE));
  for (const frame of frames) sendToAll(frame);
  for (const frame of frames) assertEquals(sendToAll(frame).calls, SPLICES);
});

Deno.test("ZeroCopySender replaces a pipe that is too small for a frame", () => {
  const { open, opened, sendToAll } = setUp();
  for (let frame = 0; frame < 5; frame++) sendToAll();
  assertEquals([open.size, opened()], [13, 13]);
  for (let frame = 0; frame < 8; frame++) {
    assertEquals(
      sendToAll(new Uint8Array(2 * FRAME_SIZE)).sent,
      Array(SOCKETS).fill(2 * FRAME_SIZE),
    );
  }
  assertEquals([open.size, opened()], [13, 13 + 5 * 2]);
});

Deno.test("ZeroCopySender fills a pipe in several rounds if the send buffer is small", () => {
  const { sendToAll, writes, pairSends } = setUp({ buffer: 30_000 });
  assertEquals(sendToAll().calls, [...COPIES.slice(0, FEW), ...SPLICES.slice(FEW)]);
  assertEquals(pairSends, [30_000, 30_000, 20_000]);
  assertEquals(writes, []);
});

Deno.test("ZeroCopySender fills pipes by write(2) once a pair of sockets is refused or fails", () => {
  for (const limits of [{ pair: true }, { buffer: 0 }, { buffer: 10 }, { pairSplice: -1 }]) {
    const { sender, open, sendToAll, writes, pairSends } = setUp(limits);
    for (let frame = 0; frame < 3; frame++) {
      const { calls, sent } = sendToAll();
      assertEquals(calls.slice(-3), SPLICES.slice(-3));
      assertEquals(sent, Array(SOCKETS).fill(FRAME_SIZE));
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
    const { sender, open, sendToAll } = setUp({ ...limits, splice: 7_000 });
    for (let frame = 0; frame < 20; frame++) {
      assertEquals(sendToAll().sent.slice(FEW), [7_000, 7_000, 7_000]);
      assertLessOrEqual(open.size, 13);
    }
    sender.clear();
    assertEquals(open.size, 0);
  }
});

Deno.test("ZeroCopySender copies small frames for each socket", () => {
  const { open, sendToAll } = setUp();
  assertEquals(sendToAll(new Uint8Array(65_535)), {
    calls: COPIES,
    sent: Array(SOCKETS).fill(65_535),
  });
  assertEquals(open.size, 0);
});

Deno.test("ZeroCopySender returns the number of bytes sent, and discards the rest", () => {
  const { open, sendToAll } = setUp({ splice: 7_000 });
  assertEquals(sendToAll().sent, [...Array(FEW).fill(FRAME_SIZE), 7_000, 7_000, 7_000]);
  // The pipe of the frame, the staging pipe, the pair of sockets, and /dev/null.
  assertEquals(open.size, 7);
});

Deno.test("ZeroCopySender copies if a pipe, its capacity, tee or splice is refused", () => {
  for (const limits of [{ pipe: true }, { size: 16_384 }, { tee: true }]) {
    const { open, sendToAll } = setUp(limits);
    for (let frame = 0; frame < 3; frame++) {
      assertEquals(sendToAll(), { calls: COPIES, sent: Array(SOCKETS).fill(FRAME_SIZE) });
    }
    assertEquals(open.size, 0);
  }
  const { sendToAll } = setUp({ splice: -1 });
  const { calls, sent } = sendToAll();
  assertEquals(calls.slice(-2), ["splice 13", "send 13"]);
  assertEquals(sent, Array(SOCKETS).fill(FRAME_SIZE));
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
    let next = SOCKETS; // the receivers have the numbers below
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
     * Sends the same bytes to all sockets.
     *
     * @returns The calls for that, and the bytes sent to each.
     */
    sendToAll(bytes = new Uint8Array(FRAME_SIZE)) {
      const sent = Array.from({ length: SOCKETS }, (_, socket) => sender.send(socket, bytes));
      return { calls: calls.splice(0), sent };
    },
  };
}
