import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { describeAudio } from "../../../lib/cli/describe_source.ts";
import { readServerConfig, SETTINGS } from "../../../lib/cli/settings.ts";
import { forCamera } from "../../../lib/env.ts";
import { ConfigError } from "../../../lib/errors.ts";
import { checkSettings } from "../../../lib/settings_check/mod.ts";
import { hasSound, SOUND_SETTINGS } from "../../../lib/sound/settings.ts";

const { audio, rate, delay } = SOUND_SETTINGS;
const read = (AUDIO: string) => audio.read({ AUDIO }, "AUDIO");

Deno.test("AUDIO names a device, a program, a server, a test or nothing", () => {
  assertEquals(audio.read({}, "AUDIO"), undefined);
  assertEquals(read("off"), { text: "off", type: "off" });
  assertEquals(read(" test "), { text: "test", type: "test" });
  const device = (text: string, format: string, device: string) =>
    assertEquals(read(text), { text, type: "device", format, device } as ReturnType<typeof read>);
  device("pulse", "pulse", "default");
  device("pulse:alsa_input.usb-0d8c.mono", "pulse", "alsa_input.usb-0d8c.mono");
  device("alsa:plughw:1,0", "alsa", "plughw:1,0");
  device("alsa:default", "alsa", "default");
  device("avfoundation:0", "avfoundation", "0");
  device("dshow:Microphone (USB Audio)", "dshow", "Microphone (USB Audio)");
  const text = `exec:arecord -D 'my mic' -r 24000`;
  const args = ["-D", "my mic", "-r", "24000"];
  assertEquals(read(text), { text, type: "program", program: "arecord", args });
  const found = read("http://me:p%40ss@pi:8000/audio.wav")!;
  assert(found.type === "address");
  assertEquals(found.address.url.href, "http://pi:8000/audio.wav");
  assertEquals(found.address.credentials, { user: "me", password: "p@ss" });
});

Deno.test("AUDIO refuses a likely mistake in one line with the right spelling", () => {
  const mistakes: [value: string, advice: RegExp][] = [
    ["default", /"default" as AUDIO: set (pulse|avfoundation:0|dshow:NAME) for/],
    ["mic", /set (pulse|avfoundation:0|dshow:NAME) for/],
    ["on", /set (pulse|avfoundation:0|dshow:NAME) for/],
    ["none", /set off$/],
    ["hw:1,0", /set alsa:plughw:1,0, /],
    ["alsa:hw:2", /set alsa:plughw:2,0, /],
    ["alsa:1,0", /set alsa:plughw:1,0, /],
    ["plughw:1,0", /set alsa:plughw:1,0$/],
    ["alsa", /set alsa:plughw:1,0; --list-cameras/],
    ["/dev/snd/pcmC1D0c", /set alsa:plughw:1,0; --list-cameras/],
    ["alsa_input.usb-x", /follows pulse:$/],
    ["arecord -t raw", /follows exec:$/],
    ["exec:", /after exec: write a command/],
    ["exec:a | b", /outside quotes .* \(in AUDIO\)$/],
    ["dshow", /as dshow:Microphone$/],
    ['"pulse"', /remove its quotation marks$/],
    ["http:///x", /AUDIO as a URL: its host or port is invalid$/],
  ];
  for (const [value, advice] of mistakes) {
    const { message } = assertThrows(() => read(value), ConfigError, undefined, value);
    assertMatch(message, advice);
    assertEquals(message.includes("\n"), false);
  }
});

Deno.test("AUDIO is never quoted in an error if it may contain a password", () => {
  for (const value of ["rtsp://me:secret@cam/", "me:secret@cam/audio.wav", "curl -u me:secret"]) {
    const { message } = assertThrows(() => read(value), ConfigError);
    assertEquals(message.includes("secret"), false, message);
  }
});

Deno.test("AUDIO, AUDIO_RATE and AUDIO_DELAY can be set for one camera, and name its variable", () => {
  const env = {
    CAMERA: "front=usb,back=pi",
    AUDIO: "test",
    BACK_AUDIO: "off",
    FRONT_AUDIO_DELAY: "-20",
  };
  const [front, back] = readServerConfig(env).cameras.map(({ sound }) => sound);
  assertEquals([front!.audio!.type, front!.delay, front!.rate], ["test", -20, 24_000]);
  assertEquals([back!.audio!.type, back!.delay], ["off", undefined]);
  assertEquals([hasSound(front!), hasSound(back!), hasSound({ audio: undefined })], [
    true,
    false,
    false,
  ]);
  const camera = forCamera({ FRONT_AUDIO: "on" }, "front");
  assertThrows(() => audio.read(camera, "AUDIO"), ConfigError, "as FRONT_AUDIO:");
});

Deno.test("AUDIO_RATE and AUDIO_DELAY have limits", () => {
  for (const value of ["8000", "44100", "48000"]) {
    assertEquals(rate.read({ AUDIO_RATE: value }, "AUDIO_RATE"), Number(value));
  }
  for (const value of ["7999", "96000", "24k", "24000.5"]) {
    assertThrows(
      () => rate.read({ AUDIO_RATE: value }, "AUDIO_RATE"),
      ConfigError,
      "8000 to 48000",
    );
  }
  for (const value of ["-500", "0", "80", "2000", "+5"]) {
    assertEquals(delay.read({ AUDIO_DELAY: value }, "AUDIO_DELAY"), Number(value));
  }
  for (const value of ["-501", "2001", "80ms", "0.08"]) {
    assertThrows(
      () => delay.read({ AUDIO_DELAY: value }, "AUDIO_DELAY"),
      ConfigError,
      "-500 to 2000",
    );
  }
});

Deno.test("checkSettings() knows AUDIO, and the names that users try instead", () => {
  const check = (env: Record<string, string>) =>
    checkSettings({
      env,
      settings: SETTINGS,
      cameras: [{ name: "front", driver: "usb", reads: new Set(["SOURCE"]) }],
    }).map(({ text, advice }) => `${text}; ${advice}`);
  assertEquals(check({ AUDIO: "pulse", FRONT_AUDIO_RATE: "48000", CAMERA: "front=usb" }), []);
  assertEquals(check({ FRONT_AUDIO: "pulse", AUDIO_DELAY: "10" }), []);
  assertEquals(check({ MICROPHONE: "pulse" }), [
    "MICROPHONE is not a setting; did you mean AUDIO?",
  ]);
  assertEquals(check({ AUDIO_RATE: "8000" }), [
    "AUDIO_RATE has no effect without AUDIO; set AUDIO too, or remove AUDIO_RATE",
  ]);
  assertEquals(check({ PULSE_AUDIO: "x", ALSA_AUDIO: "x" }), []);
});

Deno.test("describeAudio() shows devices, and hides what may be secret", () => {
  const described: [string, string | undefined][] = [
    ["pulse", "pulse"],
    ["alsa:plughw:1,0", "alsa:plughw:1,0"],
    ["dshow:Microphone (USB Audio)", '"dshow:Microphone (USB Audio)"'],
    ["http://me:secret@pi:8000/audio.wav", "http://pi:8000/…"],
    ["exec:ffmpeg -i rtsp://me:secret@cam -f s16le -", "exec:ffmpeg …"],
    ["me:secret@cam", undefined],
  ];
  for (const [audio, shown] of described) assertEquals(describeAudio(audio), shown);
});
