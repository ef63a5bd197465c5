/** How far descriptors can be apart. */
const GAP = 1_000;

// The families of internet addresses: the second version has another number on each system.
const AF_INET = 2;
const AF_INET6 = Deno.build.os === "darwin" ? 30 : 10;
/** At which byte of an address its family is. */
const FAMILY = Deno.build.os === "darwin" ? 1 : 0;

/** Of the C library: which address a socket has, on our side or on the other. */
export const NAMES = {
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
} as const;

type Name = (descriptor: number, address: BufferSource, size: BufferSource) => number;

/** The sockets of this process that have `port` on our side: one that listens there, and connections. */
export function* socketsAt(port: number, getsockname: Name): Generator<number> {
  for (let descriptor = 0, others = 0; others < GAP; descriptor++, others++) {
    if (portOf(descriptor, getsockname) !== port) continue;
    others = 0;
    yield descriptor;
  }
}

/** The port of a socket; undefined if it has none, or there is no such socket. */
export function portOf(descriptor: number, name: Name): number | undefined {
  if (name(descriptor, address, int(address.length)) !== 0) return undefined;
  const family = address[FAMILY];
  return family === AF_INET || family === AF_INET6 ? address[2]! << 8 | address[3]! : undefined;
}

const address = new Uint8Array(128);

/** An `int` in memory, to be read or written by a function in C. */
export function int(value: number): Int32Array<ArrayBuffer> {
  return Int32Array.of(value);
}
