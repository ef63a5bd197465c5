import { LINUX_LIBRARIES, openLibrary } from "./libc.ts";

// Linux' numbers; the same on all its machines that Deno runs on.
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;

const FUNCTIONS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

/**
 * Tells the service manager that the server is ready: a systemd unit of `Type=notify` counts as started
 * then. Deno cannot send a datagram to a Unix socket, so this asks the C library.
 *
 * @param address `NOTIFY_SOCKET`, which systemd sets: a path, or an abstract name that begins with `@`.
 * @returns Whether it was told.
 */
export function notifyReady(address: string): boolean {
  if (Deno.build.os !== "linux") return false;
  const library = openLibrary(LINUX_LIBRARIES, FUNCTIONS);
  if (typeof library === "string") return false;
  const { socket, sendto, close } = library.symbols;
  const descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  try {
    const message = new TextEncoder().encode("READY=1");
    const to = unixAddress(address);
    return Number(sendto(descriptor, message, BigInt(message.length), 0, to, to.length)) > 0;
  } finally {
    close(descriptor);
    library.close();
  }
}

/** A `struct sockaddr_un`. */
function unixAddress(address: string): Uint8Array<ArrayBuffer> {
  const path = new TextEncoder().encode(address.replace(/^@/, "\0"));
  const bytes = new Uint8Array(2 + path.length);
  new Uint16Array(bytes.buffer, 0, 1)[0] = AF_UNIX;
  bytes.set(path, 2);
  return bytes;
}
