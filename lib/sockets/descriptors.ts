/**
 * Number of consecutive descriptors without a socket of the port after which a search ends. The
 * kernel allocates the lowest free number, so sockets have numbers close to each other.
 */
const MAX_DESCRIPTOR_GAP = 1_000;

// Address families. The number of AF_INET6 differs between systems.
const AF_INET = 2;
const AF_INET6 = Deno.build.os === "darwin" ? 30 : 10;
/** Offset of the address family in a `struct sockaddr`, in bytes. */
const FAMILY_OFFSET = Deno.build.os === "darwin" ? 1 : 0;

/** Functions of the C library that read addresses and options of sockets, on Linux and macOS. */
export const SOCKET_FUNCTIONS = {
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
} as const;

/** The {@link SOCKET_FUNCTIONS} of an open C library. */
export type SocketFunctions = Deno.DynamicLibrary<typeof SOCKET_FUNCTIONS>["symbols"];

type GetName = (descriptor: number, address: BufferSource, size: BufferSource) => number;

/** A `struct sockaddr` of any family. All calls reuse it. */
const address = new DataView(new ArrayBuffer(128));

/**
 * Finds the sockets of this process with the local port `port`: the listener and the connections
 * that it accepted, and sockets of other protocols. Deno does not reveal their descriptors, so this
 * reads the address of each descriptor.
 */
export function* findSockets(
  port: number,
  { getsockname }: Pick<SocketFunctions, "getsockname">,
): Generator<number> {
  for (let descriptor = 0, gap = 0; gap < MAX_DESCRIPTOR_GAP; descriptor++, gap++) {
    if (!readAddress(descriptor, getsockname) || readPort() !== port) continue;
    gap = 0;
    yield descriptor;
  }
}

/** Whether the socket is connected to `client`. */
export function isConnectedTo(
  client: Deno.NetAddr,
  socket: number,
  { getpeername }: Pick<SocketFunctions, "getpeername">,
): boolean {
  if (!readAddress(socket, getpeername)) return false;
  return readPort() === client.port && readHostname() === canonicalHostname(client.hostname);
}

/** Allocates a C `int`, to pass a pointer to it. */
export function intPointer(value: number): Int32Array<ArrayBuffer> {
  return Int32Array.of(value);
}

/**
 * Reads the local or the remote address of a socket into {@link address}.
 *
 * @returns Whether the descriptor is a socket with an internet address there.
 */
function readAddress(descriptor: number, getName: GetName): boolean {
  if (getName(descriptor, address, intPointer(address.byteLength)) !== 0) return false;
  return [AF_INET, AF_INET6].includes(address.getUint8(FAMILY_OFFSET));
}

function readPort(): number {
  return address.getUint16(2);
}

function readHostname(): string {
  const bytes = new Uint8Array(address.buffer);
  if (address.getUint8(FAMILY_OFFSET) === AF_INET) return bytes.subarray(4, 8).join(".");
  const groups = Array.from({ length: 8 }, (_, n) => address.getUint16(8 + 2 * n).toString(16));
  return canonicalHostname(groups.join(":"));
}

/** Rewrites an IPv6 address, which can be written in several ways, in the form of `URL`. */
function canonicalHostname(hostname: string): string {
  return hostname.includes(":") ? URL.parse(`http://[${hostname}]`)?.hostname ?? "" : hostname;
}
