import type { Bytes } from "../bytes.ts";

/** Options of {@link clipBody}. */
export interface ClipBodyOptions {
  /** Aborts the response. */
  readonly signal: AbortSignal;
  /** The first chunk, if it has been read already. */
  readonly first?: IteratorResult<Bytes>;
  /** Called when the client has disconnected, before the chunks are closed. */
  onCancel?(): void;
  /** Called once, when nothing is read any more. @param failure Why the response is incomplete. */
  onEnd?(failure?: unknown): void;
}

/**
 * Converts chunks to the body of a response. One chunk is read ahead. If reading fails, the body
 * fails, so the connection is closed before the end and the client can tell that the clip is
 * incomplete.
 */
export function clipBody(
  chunks: AsyncGenerator<Bytes>,
  { signal, first, onCancel, onEnd }: ClipBodyOptions,
): ReadableStream<Bytes> {
  let ahead = first && Promise.resolve(first);
  let hasEnded = false;
  let abort: () => void;

  async function end(failure?: unknown): Promise<void> {
    if (hasEnded) return;
    hasEnded = true;
    signal.removeEventListener("abort", abort);
    await ahead?.catch(() => {}); // the file is closed when it is no longer read
    await chunks.return(undefined);
    onEnd?.(failure);
  }

  function readAhead(): void {
    ahead = chunks.next();
    ahead.catch(() => {}); // reported when the client reads it
  }

  return new ReadableStream({
    start(controller) {
      abort = () => {
        controller.error(signal.reason);
        onCancel?.();
        void end(signal.reason);
      };
      if (signal.aborted) abort();
      else signal.addEventListener("abort", abort, { once: true });
    },
    async pull(controller) {
      if (!ahead) readAhead();
      try {
        const { done, value } = await ahead!;
        if (hasEnded) return;
        if (done) {
          controller.close();
          return await end();
        }
        readAhead();
        controller.enqueue(value);
      } catch (error) {
        if (hasEnded) return;
        controller.error(error);
        await end(error);
      }
    },
    async cancel() {
      onCancel?.();
      await end();
    },
  }, { highWaterMark: 0 });
}
