import { ADDRESS_FUNCTIONS, findSockets, intPointer } from "./descriptors.ts";
import { LINUX_LIBRARIES, MACOS_LIBRARIES, openLibrary } from "../libc.ts";

/** How much the kernel may hold for a viewer that it has not sent yet, in bytes. */
const MAX_UNSENT_BYTES = 16_384;

/** The kernel's interface, which differs between systems in its numbers only. */
interface System {
  /** Where the C library may be. */
  readonly libraries: readonly string[];
  readonly SOL_SOCKET: number;
  readonly SO_ACCEPTCONN: number;
  readonly TCP_NOTSENT_LOWAT: number;
}

const SYSTEMS: Partial<Record<typeof Deno.build.os, System>> = {
  linux: {
    libraries: LINUX_LIBRARIES,
    SOL_SOCKET: 1,
    SO_ACCEPTCONN: 30,
    TCP_NOTSENT_LOWAT: 25,
  },
  darwin: {
    libraries: MACOS_LIBRARIES,
    SOL_SOCKET: 0xffff,
    SO_ACCEPTCONN: 0x0002,
    TCP_NOTSENT_LOWAT: 0x201,
  },
};

const IPPROTO_TCP = 6;

const FUNCTIONS = {
  ...ADDRESS_FUNCTIONS,
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
} as const;

type Library = Deno.DynamicLibrary<typeof FUNCTIONS>;

/**
 * Keeps the kernel from storing pictures for slow viewers: of what was sent on a connection that `port`
 * accepts from now on, at most a few kilobytes wait to leave the machine. Else it stores megabytes, and
 * a viewer on a slow link sees what was seconds ago.
 *
 * Deno has no call for socket options, so this asks the C library. Connections have the options of the
 * socket that accepted them.
 *
 * @returns Why it cannot; undefined when it is done.
 */
export function limitSendQueue(port: number): string | undefined {
  const system = SYSTEMS[Deno.build.os];
  if (!system) return "this system has no such limit";
  const library = openLibrary(system.libraries, FUNCTIONS);
  if (typeof library === "string") return library;
  try {
    const listener = findListener(library, system, port);
    if (listener === undefined) return `no socket listens on port ${port}`;
    const { setsockopt } = library.symbols;
    const done = setsockopt(
      listener,
      IPPROTO_TCP,
      system.TCP_NOTSENT_LOWAT,
      intPointer(MAX_UNSENT_BYTES),
      4,
    ) === 0;
    return done ? undefined : "the kernel does not know the option TCP_NOTSENT_LOWAT";
  } finally {
    library.close();
  }
}

/** The descriptor of the socket that listens on a port. */
function findListener({ symbols }: Library, system: System, port: number): number | undefined {
  const accepts = intPointer(0);
  for (const socket of findSockets(port, symbols.getsockname)) {
    symbols.getsockopt(socket, system.SOL_SOCKET, system.SO_ACCEPTCONN, accepts, intPointer(4));
    if (accepts[0] !== 0) return socket;
  }
}
