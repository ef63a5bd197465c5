import { intPointer, type SocketFunctions } from "./descriptors.ts";
import { TcpInfo } from "./tcp_info.ts";

/** Request of ioctl(2): the number of bytes that the client has not acknowledged (tcp(7)). */
const SIOCOUTQ = 0x5411n;
/** How often a count is tried while acknowledgements arrive. */
const MAX_ATTEMPTS = 8;

/** Functions of the C library that {@link bytesWritten} calls. */
export const COUNT_FUNCTIONS = {
  ioctl: { parameters: ["i32", "usize", "buffer"], result: "i32" },
} as const;

type Functions =
  & Pick<SocketFunctions, "getsockopt">
  & Deno.DynamicLibrary<typeof COUNT_FUNCTIONS>["symbols"];

/**
 * Counts the bytes that were ever written to sockets. Linux only.
 *
 * They are those that the client has acknowledged and those that it has not. The kernel's own count of
 * bytes sent is of no use: it includes twice what the queue of a slow network interface has dropped.
 */
export class BytesWritten {
  readonly #functions: Functions;
  readonly #info: TcpInfo;
  readonly #unacknowledged = intPointer(0);

  constructor(functions: Functions) {
    this.#functions = functions;
    this.#info = new TcpInfo(functions);
  }

  /** Returns the number modulo 2 ** 32; undefined if it is not known at present. */
  read(socket: number): number | undefined {
    const { ioctl } = this.#functions;
    if (!this.#info.read(socket)) return undefined;
    for (let i = 0; i < MAX_ATTEMPTS; i++) {
      const acknowledged = this.#info.bytesAcknowledged;
      if (ioctl(socket, SIOCOUTQ, this.#unacknowledged) !== 0) return undefined;
      if (!this.#info.read(socket)) return undefined;
      if (this.#info.bytesAcknowledged === acknowledged) {
        return (acknowledged + this.#unacknowledged[0]!) >>> 0;
      }
    }
  }
}
