import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Bytes } from "../../../lib/bytes.ts";
import { CameraError } from "../../../lib/errors.ts";
import { checkMicrophones, type MicrophoneToCheck } from "../../../lib/sound/check.ts";
import type { SoundChunk } from "../../../lib/sound/chunk.ts";
import type { FoundMicrophone } from "../../../lib/sound/found_microphone.ts";
import { levelOf } from "../../../lib/sound/level.ts";

const RATE = 8_000;
const FOUND: FoundMicrophone[] = [
  { audio: "pulse:usb", name: "USB Microphone", muted: true },
  { audio: "alsa:plughw:CARD=Device,DEV=0", name: "USB Microphone, USB Audio" },
];

/** Returns 100 ms of a sine of 400 Hz with an offset, like that of a cheap microphone. */
function sine(amplitude: number): Bytes {
  const samples = Int16Array.from(
    { length: RATE / 10 },
    (_, i) => 300 + Math.round(amplitude * Math.sin(2 * Math.PI * i / 20)),
  );
  return new Uint8Array(samples.buffer);
}

/** A microphone that delivers 2 s of sound, after a loud click, from a buffer that it uses again. */
function microphone(amplitude: number, audio = "pulse:usb"): MicrophoneToCheck & { reads: number } {
  const result = {
    cameras: ["front"],
    audio,
    rate: RATE,
    reads: 0,
    async *open() {
      const buffer = sine(30_000);
      for (; result.reads < 20; result.reads++) {
        if (result.reads === 3) buffer.set(sine(amplitude));
        yield { bytes: buffer };
      }
    },
  };
  return result;
}

function failing(audio: string, error: Error): MicrophoneToCheck {
  const open = (): AsyncIterable<SoundChunk> => ({
    [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }),
  });
  return { cameras: ["front", "back"], audio, rate: RATE, open };
}

async function check(
  microphones: MicrophoneToCheck[],
  { env = {}, found = FOUND }: { env?: Record<string, string>; found?: FoundMicrophone[] } = {},
) {
  const list = () => Promise.resolve(found);
  const signal = AbortSignal.timeout(30_000);
  return await Array.fromAsync(checkMicrophones(microphones, { env, list }, signal));
}

Deno.test("levelOf() measures in dBFS, without an offset", () => {
  const { rms, peak } = levelOf(sine(3_276.8));
  assert(Math.abs(peak - -20) < 0.1 && Math.abs(rms - -23) < 0.1, `${rms} ${peak}`);
  assertEquals(levelOf(new Uint8Array(0)), { rms: -Infinity, peak: -Infinity });
  assertEquals(levelOf(new Uint8Array(100).fill(7)), { rms: -Infinity, peak: -Infinity });
  assertEquals(levelOf(sine(0)).peak, -Infinity);
});

Deno.test("checkMicrophones() reports the level of a second of sound, without the first 300 ms", async () => {
  const front = microphone(3_276.8);
  const [result, ...rest] = await check([front]);
  assertEquals([result!.verdict, rest], ["ok", []]);
  assertMatch(
    result!.text,
    /^Sound of camera front \(pulse:usb\): opened for a second, the first sound after 0\.\d s, level -23 dBFS \(highest -20\)$/,
  );
  assertEquals(front.reads, 12); // 1.3 s, and then the microphone was closed
});

for (
  const [audio, found, advice] of [
    ["pulse:usb", FOUND, "the microphone is muted: pactl set-source-mute usb 0"],
    ["pulse", FOUND, "the microphone is muted: pactl set-source-mute @DEFAULT_SOURCE@ 0"],
    [
      "pulse:usb",
      [],
      "is it muted or turned down? pactl set-source-mute usb 0; pactl set-source-volume usb 100%",
    ],
    [
      "alsa:plughw:CARD=Device,DEV=0",
      FOUND,
      "is it muted? `alsamixer -V capture -c Device` shows it",
    ],
    ["alsa:plughw:1,0", FOUND, "is it muted? `alsamixer -V capture -c 1` shows it"],
    ["dshow:Microphone", [], "is the microphone muted?"],
  ] as const
) {
  Deno.test(`checkMicrophones() warns of silence from ${audio} (found: ${found.length})`, async () => {
    // A muted microphone can still differ by the lowest bit.
    const [result] = await check([microphone(1, audio)], { found: [...found] });
    assertEquals([result!.verdict, result!.advice], ["warning", advice]);
    assertMatch(result!.text, /: only silence$/);
  });
}

Deno.test("checkMicrophones() lists the microphones when none is configured, and opens none", async () => {
  assertEquals(await check([]), [
    { verdict: "note", text: "Found microphone USB Microphone: AUDIO=pulse:usb" },
    {
      verdict: "note",
      text: "Found microphone USB Microphone, USB Audio: AUDIO=alsa:plughw:CARD=Device,DEV=0",
    },
  ]);
  const [quoted] = await check([], { found: [{ audio: "dshow:Mic (USB)", name: "Mic (USB)" }] });
  assertEquals(quoted!.text, "Found microphone Mic (USB): AUDIO='dshow:Mic (USB)'");
});

Deno.test("checkMicrophones() says that AUDIO=test opens no microphone", async () => {
  const [result] = await check([{ cameras: ["front"], audio: "test", rate: RATE }]);
  assertEquals(result, {
    verdict: "ok",
    text: "Sound of camera front (test): a beep with the pictures, and no microphone",
  });
});

Deno.test("checkMicrophones() reports a failure with the hint of its error", async () => {
  const error = new CameraError("Cannot find ffmpeg", { hint: "sudo apt install ffmpeg" });
  assertEquals(await check([failing("exec:rec -", error)]), [{
    verdict: "problem",
    text: "Sound of cameras front, back (exec:rec -): Cannot find ffmpeg",
    advice: "sudo apt install ffmpeg",
  }]);
});

if (Deno.build.os === "linux") {
  for (
    const [name, audio, options, advice] of [
      [
        "names the microphones of the sound server if there is no such one",
        "pulse:usbb",
        {},
        "this machine has AUDIO=pulse:usb",
      ],
      [
        "names the cards of ALSA if there is no such one",
        "alsa:plughw:CARD=Devcie,DEV=0",
        {},
        "this machine has AUDIO=alsa:plughw:CARD=Device,DEV=0",
      ],
      [
        "keeps the hint for a microphone that is there",
        "pulse:usb",
        {},
        "the hint",
      ],
      [
        "says that a user without a session has no sound server",
        "pulse",
        { found: FOUND.slice(1) },
        "this user has no session (XDG_RUNTIME_DIR is not set), as in a system service: set " +
        "PULSE_SERVER, or use ALSA: AUDIO=alsa:plughw:CARD=Device,DEV=0",
      ],
      [
        "says that no sound server runs for the user",
        "pulse:usb",
        { found: [], env: { XDG_RUNTIME_DIR: "/run/user/1000" } },
        "neither PulseAudio nor PipeWire runs for this user: start one, or use ALSA: " +
        "AUDIO=alsa:plughw:1,0",
      ],
      [
        "says that no sound server is at PULSE_SERVER",
        "pulse:usb",
        { found: [], env: { PULSE_SERVER: "tcp:nas" } },
        "no sound server at PULSE_SERVER=tcp:nas, or use ALSA: AUDIO=alsa:plughw:1,0",
      ],
    ] as const
  ) {
    Deno.test(`checkMicrophones() ${name}`, async () => {
      const error = new CameraError("Cannot open it", { hint: "the hint" });
      const { found, ...rest } = options as {
        found?: FoundMicrophone[];
        env?: Record<string, string>;
      };
      const [result] = await check([failing(audio, error)], { ...rest, ...found && { found } });
      assertEquals([result!.verdict, result!.advice], ["problem", advice]);
    });
  }
}
