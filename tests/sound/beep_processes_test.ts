import { assert } from "@std/assert";
import { needing } from "../parts.ts";
import { PULSE_AUDIO, PulseAudio } from "../pulse_audio.ts";
import { eventually } from "../server.ts";
import { BeepListener, BeepPlayer } from "./beep_processes.ts";

Deno.test(
  "BeepListener hears the beeps of BeepPlayer at whole seconds",
  needing(...PULSE_AUDIO),
  async () => {
    await using audio = await PulseAudio.start();
    await using _player = new BeepPlayer(audio);
    await using listener = new BeepListener(audio, { source: audio.source });
    // The processes need some seconds to start, on a busy machine more.
    await eventually("six beeps are heard", () => listener.beeps.length >= 6, 30_000);
    const beeps = listener.beeps.slice(2); // the first seconds are for the clocks
    // A null sink renders in advance, so that its monitor is up to 20 ms early.
    const ages = beeps.map(({ age }) => Math.round(age * 10) / 10);
    assert(ages.every((age) => age > -25 && age < 15), `ages: ${ages} ms`);
  },
);
