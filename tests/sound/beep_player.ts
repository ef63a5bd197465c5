/** Plays a beep at each whole second into a PulseAudio sink, the argument, until it is stopped. */
import { sampleAt } from "./beeps.ts";
import { play } from "./pulse_simple.ts";

play(Deno.args[0]!, sampleAt);
