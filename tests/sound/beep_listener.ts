/** Prints each beep that a PulseAudio source hears, the argument, as a line of JSON. */
import { BeepDetector, RATE } from "./beeps.ts";
import { record } from "./pulse_simple.ts";

const detector = new BeepDetector(RATE, (beep) => console.log(JSON.stringify(beep)));
record(Deno.args[0]!, (samples, time) => detector.add(samples, time));
