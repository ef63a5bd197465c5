import { openLibc } from "../../lib/libc.ts";

const FUNCTIONS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  setns: { parameters: ["i32", "i32"], result: "i32" },
} as const;
const O_CLOEXEC = 0o2000000;
const CLONE_NEWNET = 0x40000000;

/**
 * Calls a function while this thread is in another network namespace. Sockets that it makes before
 * it returns belong to that namespace, as those of `Deno.connect` do.
 */
export function inNamespace<T>(name: string, call: () => T): T {
  const libc = openLibc(FUNCTIONS);
  const { open, close, setns } = libc.symbols;
  const enter = (namespace: number) => {
    if (setns(namespace, CLONE_NEWNET) !== 0) throw new Error(`Cannot enter the namespace ${name}`);
  };
  const own = open(toPath("/proc/thread-self/ns/net"), O_CLOEXEC);
  const other = open(toPath(`/run/netns/${name}`), O_CLOEXEC);
  try {
    enter(other);
    try {
      return call();
    } finally {
      enter(own);
    }
  } finally {
    for (const file of [own, other]) if (file >= 0) close(file);
    libc.close();
  }
}

function toPath(path: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${path}\0`);
}
