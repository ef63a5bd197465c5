import { assertEquals, assertThrows } from "@std/assert";
import type { Bytes } from "../../../lib/bytes.ts";
import { CameraError } from "../../../lib/errors.ts";
import { WavDecoder } from "../../../lib/sound/wav.ts";
import { wav } from "./wav_stream.ts";

function decode(bytes: Bytes, chunk: number, rate = 24_000): number[] {
  const decoder = new WavDecoder({ rate, name: "cam:80" });
  const decoded: number[] = [];
  for (let at = 0; at < bytes.length; at += chunk) {
    decoded.push(...decoder.push(bytes.slice(at, at + chunk)));
  }
  return [...new Int16Array(Uint8Array.from(decoded).buffer)];
}

const SAMPLES = [1, -2, 300, -32_768, 32_767, 0, 7];

Deno.test("WavDecoder decodes mono, in chunks of any size", () => {
  for (const chunk of [1, 2, 3, 7, 44, 45, 1_000]) {
    assertEquals(decode(wav({ samples: SAMPLES }), chunk), SAMPLES, `${chunk}`);
  }
});

Deno.test("WavDecoder mixes stereo to mono", () => {
  const samples = [100, 300, -32_768, -32_768, 32_767, 32_767, 1, -1];
  for (const chunk of [1, 3, 45, 1_000]) {
    assertEquals(decode(wav({ samples, channels: 2 }), chunk), [200, -32_768, 32_767, 0]);
  }
});

Deno.test("WavDecoder skips other chunks before and after the samples", () => {
  const file = wav({ samples: SAMPLES, before: ["LIST", "abc"], dataSize: 2 * SAMPLES.length });
  assertEquals(decode(Uint8Array.of(...file, 1, 2, 3, 4), 5), SAMPLES);
});

Deno.test("WavDecoder reads an extensible format", () => {
  assertEquals(decode(wav({ samples: SAMPLES, format: 0xfffe }), 9), SAMPLES);
});

Deno.test("WavDecoder refuses another rate or format permanently, and says what to set", () => {
  const refused: [Parameters<typeof wav>[0], message: string, hint: string][] = [
    [
      { rate: 48_000 },
      "cam:80 sends 48000 samples per second instead of 24000",
      "set AUDIO_RATE=48000",
    ],
    [
      { rate: 96_000 },
      "cam:80 sends 96000 samples per second instead of 24000",
      "AUDIO_RATE can be 8000 to 48000",
    ],
    [
      { bits: 24 },
      "cam:80 sends WAV with 24 bits of format 1",
      "AUDIO needs 16-bit PCM, mono or stereo",
    ],
    [
      { format: 6, bits: 8 },
      "cam:80 sends WAV with 8 bits of format 6",
      "AUDIO needs 16-bit PCM, mono or stereo",
    ],
    [{ channels: 6 }, "cam:80 sends 6 channels", "AUDIO needs 16-bit PCM, mono or stereo"],
  ];
  for (const [options, message, hint] of refused) {
    const error: CameraError = assertThrows(
      () => decode(wav({ samples: SAMPLES, ...options }), 50),
      CameraError,
    );
    assertEquals([error.message, error.hint, error.permanent], [message, hint, true]);
  }
  const text = new TextEncoder().encode("<html>no sound here, only text of a page");
  assertThrows(() => decode(text, 10), CameraError, "data that is no WAV");
  const endless = wav({ samples: SAMPLES }).slice(0, 12);
  const noise = new Uint8Array(100_000).fill(1);
  assertThrows(() => decode(Uint8Array.of(...endless, ...noise), 1_000), CameraError, "no samples");
});
