import { assertEquals } from "@std/assert";
import { listMicrophones, parseAvfoundation, parseDshow } from "../../../lib/sound/list.ts";
import { parseAlsa } from "../../../lib/sound/list_alsa.ts";
import { parsePulseDevices, parsePulseSources } from "../../../lib/sound/list_pulse.ts";
import { needing } from "../../parts.ts";

const MONITOR = [
  "Source #0",
  "\tState: IDLE",
  "\tName: alsa_output.pci-0000_00_1b.0.analog-stereo.monitor",
  "\tDescription: Monitor of Built-in Audio Analog Stereo",
  "\tMute: no",
  "\tMonitor of Sink: alsa_output.pci-0000_00_1b.0.analog-stereo",
  "\tProperties:",
  '\t\tdevice.description = "Monitor of Built-in Audio Analog Stereo"',
];
const WEBCAM = [
  "Source #1",
  "\tName: alsa_input.usb-046d_HD_Webcam_C525-00.mono-fallback",
  "\tDescription: HD Webcam C525 Mono",
  "\tMute: yes",
  "\tMonitor of Sink: n/a",
];
const HEADSET = [
  "Source #12",
  "\tName: alsa_input.usb-headset.analog",
  "\tDescription: Headset",
  "\tMute: no",
  "\tMonitor of Sink: n/a",
];

Deno.test("parsePulseSources() lists the default source first, and no monitor", () => {
  const text = [MONITOR, WEBCAM, HEADSET].map((lines) => lines.join("\n")).join("\n\n");
  assertEquals(parsePulseSources(text, "alsa_input.usb-headset.analog"), [
    { audio: "pulse:alsa_input.usb-headset.analog", name: "Headset", muted: false },
    {
      audio: "pulse:alsa_input.usb-046d_HD_Webcam_C525-00.mono-fallback",
      name: "HD Webcam C525 Mono",
      muted: true,
    },
  ]);
});

Deno.test("parsePulseSources() lists monitors if there is nothing else", () => {
  assertEquals(parsePulseSources(MONITOR.join("\n")), [{
    audio: "pulse:alsa_output.pci-0000_00_1b.0.analog-stereo.monitor",
    name: "Monitor of Built-in Audio Analog Stereo",
    muted: false,
  }]);
  assertEquals(parsePulseSources(""), []);
});

Deno.test("parsePulseDevices() reads ffmpeg's list of sources", () => {
  const lines = [
    "Auto-detected sources for pulse:",
    "  speaker.monitor [Monitor of Speaker] (none)",
    "  alsa_input.usb-webcam [Webcam [left] (USB)] (none)",
    "* alsa_input.usb-headset [Headset]",
    "",
  ];
  assertEquals(parsePulseDevices(lines), [
    { audio: "pulse:alsa_input.usb-headset", name: "Headset" },
    { audio: "pulse:alsa_input.usb-webcam", name: "Webcam [left] (USB)" },
  ]);
  assertEquals(
    parsePulseDevices(["Auto-detected sources for pulse:", "Cannot list sources: …"]),
    [],
  );
});

Deno.test("parseAlsa() names the devices that capture by their cards' identifiers", () => {
  const cards = [
    " 0 [vc4hdmi0       ]: vc4-hdmi - vc4-hdmi-0",
    "                      vc4-hdmi-0",
    " 2 [Device         ]: USB-Audio - USB PnP Sound Device",
    "                      C-Media Electronics Inc. USB PnP Sound Device at usb-0000:01:00.0-1.2",
    "10 [Array_1        ]: USB-Audio - Array",
  ].join("\n");
  const devices = [
    "00-00: MAI PCM i2s-hifi-0 : MAI PCM i2s-hifi-0 : playback 1",
    "02-00: USB Audio : USB Audio : playback 1 : capture 1",
    "10-03: USB Audio : USB Audio : capture 1",
    "11-00: New : New : capture 1",
  ].join("\n");
  assertEquals(parseAlsa(cards, devices), [
    { audio: "alsa:plughw:CARD=Device,DEV=0", name: "USB PnP Sound Device, USB Audio" },
    { audio: "alsa:plughw:CARD=Array_1,DEV=3", name: "Array, USB Audio" },
    { audio: "alsa:plughw:CARD=11,DEV=0", name: "New" }, // plugged in between the two lists
  ]);
  assertEquals(parseAlsa("--- no soundcards ---\n", ""), []);
});

Deno.test("parseAvfoundation() reads the microphones of macOS, without cameras", () => {
  const lines = [
    "[AVFoundation indev @ 0x7f8] AVFoundation video devices:",
    "[AVFoundation indev @ 0x7f8] [0] FaceTime HD Camera",
    "[AVFoundation indev @ 0x7f8] AVFoundation audio devices:",
    "[AVFoundation indev @ 0x7f8] [0] MacBook Microphone",
    "[AVFoundation indev @ 0x7f8] [1] USB Audio [2]",
    ": Input/output error",
  ];
  assertEquals(parseAvfoundation(lines), [
    { audio: "avfoundation:0", name: "MacBook Microphone" },
    { audio: "avfoundation:1", name: "USB Audio [2]" },
  ]);
});

Deno.test("parseDshow() reads the microphones of Windows from the lists of old and new ffmpegs", () => {
  const name = "Microphone (USB Audio)";
  const since5 = [
    '[dshow @ 0001] "Integrated Camera" (video)',
    '[dshow @ 0001]   Alternative name "@device_pnp_\\\\?\\usb#vid"',
    `[dshow @ 0001] "${name}" (audio)`,
    '[dshow @ 0001]   Alternative name "@device_cm_{33D9A762}"',
  ];
  const before5 = [
    "[dshow @ 0001] DirectShow video devices (some may be both video and audio devices)",
    '[dshow @ 0001]  "Integrated Camera"',
    "[dshow @ 0001] DirectShow audio devices",
    `[dshow @ 0001]  "${name}"`,
    '[dshow @ 0001]     Alternative name "@device_cm_{33D9A762}"',
  ];
  for (const lines of [since5, before5]) {
    assertEquals(parseDshow(lines), [{ audio: `dshow:${name}`, name }]);
  }
});

Deno.test(
  "listMicrophones() lists nothing on macOS and Windows if ffmpeg finds nothing",
  needing("ffmpeg"),
  async () => {
    // This ffmpeg knows neither system, as one that was built without these inputs.
    for (const os of ["darwin", "windows"] as const) {
      assertEquals(await listMicrophones(AbortSignal.timeout(5_000), { os }), []);
    }
  },
);
