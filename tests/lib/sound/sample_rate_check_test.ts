import { assert, assertEquals, assertThrows } from "@std/assert";
import { CameraError } from "../../../lib/errors.ts";
import { SampleRateCheck } from "../../../lib/sound/sample_rate_check.ts";

const RATE = 24_000;

/** Adds samples every 20 ms. @param rateAt Returns the rate at a time, in samples per second. */
function play(seconds: number, rateAt: (now: number) => number): void {
  const check = new SampleRateCheck(RATE);
  for (let now = 0; now < seconds * 1_000; now += 20) check.add(rateAt(now) / 50, now);
}

Deno.test("SampleRateCheck fails within 14 s for samples of another rate, and says what to set", () => {
  for (const rate of [8_000, 12_000, 16_000, 22_050, 32_000, 44_100, 48_000]) {
    const error: CameraError = assertThrows(() => play(14, () => rate), CameraError);
    assertEquals(
      error.message,
      `The program prints ${rate} samples per second instead of 24000`,
    );
    assert(error.hint!.startsWith(`set AUDIO_RATE=${rate} if`), error.hint);
    assertEquals(error.permanent, rate > RATE);
    // Before the sound seems to come from a file.
    if (rate > RATE) assertThrows(() => play(9.5, () => rate), CameraError);
  }
  const error: CameraError = assertThrows(() => play(14, () => 4_000), CameraError);
  assertEquals(error.hint, "it must print 16-bit samples of one channel");
});

Deno.test("SampleRateCheck accepts the clocks of sound cards, clumps, pauses and lost samples", () => {
  for (const share of [0.98, 1, 1.02]) play(60, () => share * RATE);
  play(60, (now) => now % 140 === 0 ? 7 * RATE : 0);
  play(60, (now) => now === 0 ? 500 * RATE : RATE); // what was captured before the start
  // Stopped for 1.3 s, whose samples arrive later.
  play(60, (now) => now > 9_000 && now <= 10_300 ? 0 : now === 10_320 ? 66 * RATE : RATE);
  play(60, (now) => now % 3_000 < now / 50 ? 0 : RATE); // more and more is lost
});
