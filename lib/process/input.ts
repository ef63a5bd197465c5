import type { Bytes } from "../bytes.ts";

/**
 * Writes to a program's standard input, and closes it after the last bytes. Ends early if the
 * program closes its standard input or exits; the caller then closes `input`.
 *
 * @throws The error of `input`.
 */
export async function writeInput(
  stdin: WritableStream<Bytes>,
  input: AsyncIterator<Bytes>,
): Promise<void> {
  const writer = stdin.getWriter();
  try {
    for (let next; !(next = await input.next()).done;) {
      if (!await isTaken(writer, next.value)) break;
    }
  } finally {
    // Rejects if the program has closed its standard input; its exit status says whether it failed.
    await writer.close().catch(() => {});
  }
}

/** Writes, and returns whether the program has taken the bytes. */
async function isTaken(writer: WritableStreamDefaultWriter<Bytes>, bytes: Bytes): Promise<boolean> {
  try {
    await writer.write(bytes);
    return true;
  } catch {
    return false; // "Broken pipe"; its exit status says whether the program failed
  }
}
