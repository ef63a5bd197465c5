import { assertEquals } from "@std/assert";
import { BytesWritten } from "../../../lib/sockets/bytes_written.ts";

const SOCKET = 7;
/** Offset of the acknowledged bytes in `struct tcp_info`. */
const ACKNOWLEDGED = 120;

/** A socket to which `written` bytes were written; `acks` has the acknowledged bytes of each read. */
function setUp({ written, acks, size = 148 }: { written: number; acks: number[]; size?: number }) {
  const left = [...acks];
  let acknowledged = 0;
  return new BytesWritten({
    getsockopt(_socket, _level, _name, value, length) {
      acknowledged = left.length > 1 ? left.shift()! : left[0]!;
      const view = value as DataView;
      view.setBigUint64(ACKNOWLEDGED, BigInt(acknowledged), true);
      (length as Int32Array)[0] = size;
      return 0;
    },
    ioctl(_socket, _request, value) {
      (value as Int32Array)[0] = written - acknowledged;
      return 0;
    },
  });
}

Deno.test("BytesWritten counts what the client has acknowledged and what it has not", () => {
  assertEquals(setUp({ written: 1_000, acks: [0] }).read(SOCKET), 1_000);
  assertEquals(setUp({ written: 1_000, acks: [400] }).read(SOCKET), 1_000);
  assertEquals(setUp({ written: 2 ** 32 + 5, acks: [2 ** 32] }).read(SOCKET), 5);
});

Deno.test("BytesWritten counts again while acknowledgements arrive, but not forever", () => {
  assertEquals(setUp({ written: 1_000, acks: [100, 300, 600] }).read(SOCKET), 1_000);
  const acks = Array.from({ length: 100 }, (_, i) => i);
  assertEquals(setUp({ written: 1_000, acks }).read(SOCKET), undefined);
});

Deno.test("BytesWritten is unknown on kernels that do not count", () => {
  assertEquals(setUp({ written: 1_000, acks: [0], size: 104 }).read(SOCKET), undefined);
});
