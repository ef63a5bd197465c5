import { LibcError, openLibc } from "./libc.ts";

// Constants of Linux, the same on all architectures that Deno supports.
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;

const FUNCTIONS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

/**
 * Notifies systemd that the server is ready: only then does a unit of `Type=notify` count as
 * started. Calls the C library, because Deno cannot send a datagram to a Unix socket.
 *
 * @param address The value of `NOTIFY_SOCKET`: a path, or an abstract address that begins with `@`.
 * @returns Whether the notification was sent; false on systems other than Linux.
 */
export function notifyReady(address: string): boolean {
  if (Deno.build.os !== "linux") return false;
  try {
    return sendDatagram(address, "READY=1");
  } catch (error) {
    if (error instanceof LibcError) return false;
    throw error;
  }
}

function sendDatagram(address: string, text: string): boolean {
  const libc = openLibc(FUNCTIONS);
  const { socket, sendto, close } = libc.symbols;
  const descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  try {
    const message = new TextEncoder().encode(text);
    const to = encodeUnixAddress(address);
    return Number(sendto(descriptor, message, BigInt(message.length), 0, to, to.length)) > 0;
  } finally {
    close(descriptor);
    libc.close();
  }
}

/** Encodes an address as `struct sockaddr_un`: the address family, then the path. */
function encodeUnixAddress(address: string): Uint8Array<ArrayBuffer> {
  // The kernel marks an abstract address by a null byte, NOTIFY_SOCKET by "@".
  const path = new TextEncoder().encode(address.replace(/^@/, "\0"));
  const bytes = new Uint8Array(2 + path.length);
  new Uint16Array(bytes.buffer, 0, 1)[0] = AF_UNIX;
  bytes.set(path, 2);
  return bytes;
}
