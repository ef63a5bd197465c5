/** How far descriptors can be apart. */
const MAX_DESCRIPTOR_GAP = 1_000;

// The families of internet addresses: the second version has another number on each system.
const AF_INET = 2;
const AF_INET6 = Deno.build.os === "darwin" ? 30 : 10;
/** At which byte of an address its family is. */
const FAMILY = Deno.build.os === "darwin" ? 1 : 0;

/** Of the C library: which address a socket has on our side, and on the other. */
export const ADDRESS_FUNCTIONS = {
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
} as const;

type GetName = (descriptor: number, address: BufferSource, size: BufferSource) => number;

/** The sockets of this process that have `port` on our side: one that listens there, and connections. */
export function* findSockets(port: number, getsockname: GetName): Generator<number> {
  for (let descriptor = 0, others = 0; others < MAX_DESCRIPTOR_GAP; descriptor++, others++) {
    if (!readAddress(descriptor, getsockname) || portOf(address) !== port) continue;
    others = 0;
    yield descriptor;
  }
}

/** Who is on the other side of a socket, its address as `URL` writes it; undefined if nobody is. */
export function peerOf(socket: number, getpeername: GetName) {
  if (!readAddress(socket, getpeername)) return undefined;
  return { hostname: hostnameOf(address), port: portOf(address) };
}

/** Any one that was asked for. */
const address = new DataView(new ArrayBuffer(128));

/** @returns Whether the descriptor is a socket's, and that has an internet address on that side. */
function readAddress(descriptor: number, name: GetName): boolean {
  if (name(descriptor, address, intPointer(address.byteLength)) !== 0) return false;
  return [AF_INET, AF_INET6].includes(address.getUint8(FAMILY));
}

function portOf(address: DataView): number {
  return address.getUint16(2);
}

function hostnameOf(address: DataView): string {
  const bytes = new Uint8Array(address.buffer);
  if (address.getUint8(FAMILY) === AF_INET) return bytes.subarray(4, 8).join(".");
  const groups = Array.from({ length: 8 }, (_, n) => address.getUint16(8 + 2 * n).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname;
}

/** An `int` in memory, to be read or written by a function in C. */
export function intPointer(value: number): Int32Array<ArrayBuffer> {
  return Int32Array.of(value);
}
