import { intPointer, type SocketFunctions } from "./descriptors.ts";

// Constants of Linux, the same on all architectures that Deno supports.
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
const ESTABLISHED = 1;
const CLOSE_WAIT = 8;

/** Offsets of fields in `struct tcp_info` of linux/tcp.h, in bytes. */
const OFFSETS = {
  state: 0,
  lastDataSent: 44,
  lastAckReceived: 56,
  bytesAcked: 120,
  notsentBytes: 144,
};
/** Size of `struct tcp_info` up to `bytesAcked`, in bytes: Linux 4.1 and later. */
const MIN_SIZE = 128;
/** Size up to `notsentBytes`, in bytes: Linux 4.6 and later. */
const FULL_SIZE = 148;

/** The kernel's statistics of a TCP connection, as of the last {@link read}. Linux only. */
export class TcpInfo {
  readonly #functions: Pick<SocketFunctions, "getsockopt">;
  readonly #view = new DataView(new ArrayBuffer(FULL_SIZE));
  readonly #size = intPointer(FULL_SIZE);

  constructor(functions: Pick<SocketFunctions, "getsockopt">) {
    this.#functions = functions;
  }

  /**
   * Reads the statistics of a connection, in one system call.
   *
   * @returns False for sockets of other protocols, which `findSockets` can find as well.
   */
  read(socket: number): boolean {
    this.#size[0] = FULL_SIZE;
    const { getsockopt } = this.#functions;
    if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, this.#view, this.#size) !== 0) return false;
    return this.#size[0]! >= MIN_SIZE; // the kernel has written the size
  }

  /** Whether this side has not ended the connection. */
  get isOpen(): boolean {
    const state = this.#view.getUint8(OFFSETS.state);
    return state === ESTABLISHED || state === CLOSE_WAIT;
  }

  /** Time since data was sent, in milliseconds. */
  get sinceSent(): number {
    return this.#read32(OFFSETS.lastDataSent);
  }

  /** Time since an acknowledgement was received, in milliseconds. */
  get sinceAcknowledged(): number {
    return this.#read32(OFFSETS.lastAckReceived);
  }

  /** Whether the client has acknowledged data of this side. */
  get hasAcknowledged(): boolean {
    // Some kernels count the SYN as one byte.
    return this.#view.getBigUint64(OFFSETS.bytesAcked, true) > 1n;
  }

  /** Number of bytes that were written to the socket but not sent yet. */
  get bytesUnsent(): number {
    return this.#read32(OFFSETS.notsentBytes);
  }

  /** Number of bytes that the client has acknowledged, modulo 2 ** 32. */
  get bytesAcknowledged(): number {
    return this.#read32(OFFSETS.bytesAcked);
  }

  #read32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }
}
