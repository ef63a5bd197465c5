import { LibcError, openLibc } from "../libc.ts";
import { findSockets, intPointer, SOCKET_FUNCTIONS, type SocketFunctions } from "./descriptors.ts";

/** Maximum number of unsent bytes that the kernel holds for a connection. */
const MAX_UNSENT_BYTES = 16_384;

const IPPROTO_TCP = 6;

const { getsockname, getsockopt, setsockopt } = SOCKET_FUNCTIONS;
const FUNCTIONS = { getsockname, getsockopt, setsockopt } as const;

type Functions = Pick<SocketFunctions, keyof typeof FUNCTIONS>;

/** Constants of the socket interface, which differ between systems. */
interface SocketConstants {
  readonly SOL_SOCKET: number;
  readonly SO_ACCEPTCONN: number;
  readonly TCP_NOTSENT_LOWAT: number;
}

const CONSTANTS: Partial<Record<typeof Deno.build.os, SocketConstants>> = {
  linux: { SOL_SOCKET: 1, SO_ACCEPTCONN: 30, TCP_NOTSENT_LOWAT: 25 },
  darwin: { SOL_SOCKET: 0xffff, SO_ACCEPTCONN: 0x0002, TCP_NOTSENT_LOWAT: 0x201 },
};

/**
 * Limits the kernel's send queue of the connections that `port` accepts from now on to a few
 * kilobytes of unsent data. By default it holds megabytes, so that a viewer on a slow link sees
 * frames that are seconds old.
 *
 * Calls the C library, because Deno cannot set this socket option. It is set on the listener:
 * connections inherit it. Linux and macOS.
 *
 * @returns Why the queue cannot be limited; undefined if it is limited now.
 */
export function limitSendQueue(port: number): string | undefined {
  try {
    const libc = openLibc(FUNCTIONS);
    try {
      setLimit(port, libc.symbols);
    } finally {
      libc.close();
    }
  } catch (error) {
    if (error instanceof LibcError) return error.message;
    throw error;
  }
}

/** @throws {LibcError} If the queue cannot be limited. */
function setLimit(port: number, functions: Functions): void {
  const constants = CONSTANTS[Deno.build.os];
  if (!constants) throw new LibcError(`Cannot limit the send queue on ${Deno.build.os}`);
  const listener = findListener(port, functions, constants);
  if (listener === undefined) {
    throw new LibcError(`Cannot limit the send queue: no socket listens on port ${port}`);
  }
  const limit = intPointer(MAX_UNSENT_BYTES);
  const { setsockopt } = functions;
  if (setsockopt(listener, IPPROTO_TCP, constants.TCP_NOTSENT_LOWAT, limit, 4) !== 0) {
    throw new LibcError("Cannot limit the send queue: the kernel rejects TCP_NOTSENT_LOWAT");
  }
}

/** Finds the descriptor of the socket that listens on `port`. */
function findListener(
  port: number,
  functions: Functions,
  { SOL_SOCKET, SO_ACCEPTCONN }: SocketConstants,
): number | undefined {
  const isListening = intPointer(0);
  for (const socket of findSockets(port, functions)) {
    functions.getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, isListening, intPointer(4));
    if (isListening[0] !== 0) return socket;
  }
}
