import { assertEquals } from "@std/assert";
import { ZeroCopySender } from "../../../lib/sockets/zero_copy_sender.ts";

/** What a kernel does not do, or not as it should. */
interface Refusals {
  pipe?: boolean;
  /** How large it makes a pipe at most. */
  size?: number;
  tee?: boolean;
  /** How much a connection takes from a pipe, if not all. */
  splice?: number;
}

const FRAME = 20_000;

/** A kernel that tells what was asked of it; what is in its pipes is not looked at. */
function setUp({ pipe, size = 1_048_576, tee, splice }: Refusals = {}) {
  const asked: string[] = [];
  const open = new Set<number>();
  const sender = new ZeroCopySender({
    pipe2(ends) {
      if (pipe) return -1;
      const next = Math.max(9, ...open) + 1;
      (ends as Int32Array).set([next, next + 1]);
      open.add(next).add(next + 1);
      return 0;
    },
    fcntl: (_, __, wanted) => wanted <= size ? wanted : -1,
    close(descriptor) {
      open.delete(descriptor);
      return 0;
    },
    write: (_, __, length) => Number(length),
    send(socket, _, length) {
      asked.push(`send ${socket}`);
      return Number(length);
    },
    tee: (_, __, length) => tee ? -1 : Number(length),
    splice(_, __, socket, ___, length) {
      asked.push(`splice ${socket}`);
      return splice ?? Number(length);
    },
  });
  return {
    sender,
    open,
    /** Sends the same bytes to ten sockets. @returns What was asked for that, and how much was sent. */
    sendToTen(bytes = new Uint8Array(FRAME)) {
      const sent = Array.from({ length: 10 }, (_, socket) => sender.send(socket, bytes));
      return { asked: asked.splice(0), sent };
    },
  };
}

const SENDS = Array.from({ length: 10 }, (_, socket) => `send ${socket}`);

Deno.test("SharedSender sends what goes to many from a pipe, and closes the pipes of old frames", () => {
  const { sender, open, sendToTen } = setUp();
  for (let frame = 0; frame < 10; frame++) {
    const { asked, sent } = sendToTen();
    assertEquals(asked, [...SENDS.slice(0, 7), "splice 7", "splice 8", "splice 9"]);
    assertEquals(sent, Array(10).fill(FRAME));
  }
  assertEquals(open.size, 4 * 2 + 2);
  sender.clear();
  assertEquals(open.size, 0);
});

Deno.test("SharedSender goes on with a frame's pipe when other frames were sent meanwhile", () => {
  const { sendToTen } = setUp();
  const frames = Array.from({ length: 4 }, () => new Uint8Array(FRAME));
  for (const frame of frames) sendToTen(frame);
  for (const frame of frames) {
    assertEquals(sendToTen(frame).asked, SENDS.map((one) => one.replace("send", "splice")));
  }
});

Deno.test("SharedSender sends alone what is small", () => {
  const { open, sendToTen } = setUp();
  assertEquals(sendToTen(new Uint8Array(1_000)), { asked: SENDS, sent: Array(10).fill(1_000) });
  assertEquals(open.size, 0);
});

Deno.test("SharedSender tells how much a connection took, and throws away the rest of a pipe", () => {
  const { open, sendToTen } = setUp({ splice: 7_000 });
  assertEquals(sendToTen().sent, [...Array(7).fill(FRAME), 7_000, 7_000, 7_000]);
  assertEquals(open.size, 2);
});

Deno.test("SharedSender sends alone where there is no pipe, none so large, or nothing comes through", () => {
  for (const refusals of [{ pipe: true }, { size: 16_384 }, { tee: true }]) {
    const { open, sendToTen } = setUp(refusals);
    for (let frame = 0; frame < 3; frame++) {
      assertEquals(sendToTen(), { asked: SENDS, sent: Array(10).fill(FRAME) });
    }
    assertEquals(open.size, 0);
  }
  const { sendToTen } = setUp({ splice: -1 });
  const { asked, sent } = sendToTen();
  assertEquals(asked.slice(-2), ["splice 9", "send 9"]);
  assertEquals(sent, Array(10).fill(FRAME));
});
