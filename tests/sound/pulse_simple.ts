import { RATE } from "./beeps.ts";

// libpulse-simple by FFI. Its calls block, so that it is used in processes that do nothing else.

/** How long the server may keep samples to be played, and of a recording, in milliseconds. */
const BUFFER = { playback: 30, recording: 10 };
/** The constants of the library. */
const [PLAYBACK, RECORD, S16LE] = [1, 2, 3];
/** A deviation of the clock that is not measured gradually, in milliseconds. */
const MAX_DEVIATION = 30;

let opened: ReturnType<typeof load> | undefined;

/** Returns the library, which stays loaded: this file can be imported where there is none. */
function library() {
  return opened ??= load();
}

function load() {
  return Deno.dlopen("libpulse-simple.so.0", {
    pa_simple_new: {
      parameters: [
        ...["pointer", "buffer", "i32", "buffer", "buffer"] as const,
        ...["buffer", "pointer", "buffer", "buffer"] as const,
      ],
      result: "pointer",
    },
    pa_simple_write: { parameters: ["pointer", "buffer", "usize", "buffer"], result: "i32" },
    pa_simple_read: { parameters: ["pointer", "buffer", "usize", "buffer"], result: "i32" },
    pa_simple_get_latency: { parameters: ["pointer", "buffer"], result: "u64" },
  });
}

/** Returns the time in milliseconds since the Unix epoch; it is not affected by clock changes. */
export function wallTime(): number {
  return performance.timeOrigin + performance.now();
}

/**
 * Plays mono samples of 16 bits until the process ends.
 *
 * @param device The sink.
 * @param sampleAt Returns the sample to be heard at a time in milliseconds since the Unix epoch.
 */
export function play(device: string, sampleAt: (time: number) => number): never {
  const { symbols: { pa_simple_write, pa_simple_get_latency } } = library();
  const { handle, error } = open(PLAYBACK!, device, BUFFER.playback);
  const samples = new Int16Array(RATE / 100);
  const bytes = new Uint8Array(samples.buffer);
  const base = new Base();
  for (let written = 0;; written += samples.length) {
    const latency = Number(pa_simple_get_latency(handle, error)) / 1_000;
    const start = base.update(wallTime() + latency - ms(written), written < 3 * RATE ? 0.1 : 0.01);
    for (let i = 0; i < samples.length; i++) samples[i] = sampleAt(start + ms(written + i));
    if (pa_simple_write(handle, bytes, BigInt(bytes.length), error) < 0) throw failure(error);
  }
}

/**
 * Records mono samples of 16 bits until the process ends.
 *
 * @param device The source.
 * @param onSamples Called with samples, and the time when the first one was heard.
 */
export function record(
  device: string,
  onSamples: (samples: Int16Array, time: number) => void,
): never {
  const { symbols: { pa_simple_read, pa_simple_get_latency } } = library();
  const { handle, error } = open(RECORD!, device, BUFFER.recording);
  const samples = new Int16Array(RATE / 200);
  const bytes = new Uint8Array(samples.buffer);
  const base = new Base();
  for (let read = 0;;) {
    if (pa_simple_read(handle, bytes, BigInt(bytes.length), error) < 0) throw failure(error);
    const latency = Number(pa_simple_get_latency(handle, error)) / 1_000;
    read += samples.length;
    const start = base.update(wallTime() - latency - ms(read), 0.01);
    onSamples(samples, start + ms(read - samples.length));
  }
}

/** The time of the first sample, from repeated measurements. */
class Base {
  #value = NaN;

  update(measured: number, weight: number): number {
    const deviation = measured - this.#value;
    if (Math.abs(deviation) <= MAX_DEVIATION) this.#value += deviation * weight;
    else this.#value = measured; // the first one, or the device paused
    return this.#value;
  }
}

function open(direction: number, device: string, milliseconds: number) {
  const spec = new DataView(new ArrayBuffer(12));
  spec.setInt32(0, S16LE!, true);
  spec.setUint32(4, RATE, true);
  spec.setUint8(8, 1); // mono
  const size = RATE * 2 * milliseconds / 1_000;
  // maxlength (the default), tlength, prebuf, minreq, fragsize
  const attributes = new Uint32Array([0xffffffff, size, size, size / 4, size]);
  const error = new Uint8Array(4);
  const handle = library().symbols.pa_simple_new(
    null,
    text("dinocam tests"),
    direction,
    text(device),
    text("beeps"),
    new Uint8Array(spec.buffer),
    null,
    new Uint8Array(attributes.buffer),
    error,
  );
  if (!handle) throw failure(error);
  return { handle, error };
}

function failure(error: Uint8Array<ArrayBuffer>): Error {
  return new Error(`PulseAudio error ${new Int32Array(error.buffer)[0]}`);
}

function ms(samples: number): number {
  return samples / RATE * 1_000;
}

function text(value: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${value}\0`);
}
