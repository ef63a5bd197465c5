import { assertEquals } from "@std/assert";
import { needing } from "../../parts.ts";
import { findWebcamsIn, parseFormats as parseV4l2Formats } from "../../../cameras/usb/linux.ts";
import { parseDevices as parseMacDevices } from "../../../cameras/usb/macos.ts";
import { nearestSize, parseSizes } from "../../../cameras/usb/webcams.ts";
import {
  parseDevices as parseWindowsDevices,
  parseFormats as parseWindowsFormats,
} from "../../../cameras/usb/windows.ts";

Deno.test("parseFormats() reads the formats of a V4L2 camera from ffmpeg's list", () => {
  const head = "[video4linux2,v4l2 @ 0x559d634cb8c0]";
  const webcam = [
    `${head} Raw       :     yuyv422 :           YUYV 4:2:2 : 640x480 160x120`,
    `${head} Compressed:       mjpeg :          Motion-JPEG : 640x480 1280x720`,
    "/dev/video0: Immediate exit requested",
  ];
  assertEquals(parseV4l2Formats(webcam), {
    jpeg: [{ width: 640, height: 480 }, { width: 1280, height: 720 }],
    raw: [{ width: 640, height: 480 }, { width: 160, height: 120 }],
  });
  const rawOnly = [
    `${head} Raw       : Unsupported :           YVYU 4:2:2 : 320x180`,
    `${head} Raw       :     uyvy422 :           UYVY 4:2:2 : 640x360`,
  ];
  assertEquals(parseV4l2Formats(rawOnly), { jpeg: undefined, raw: [{ width: 640, height: 360 }] });
  const ranges = [`${head} Compressed: mjpeg : Motion-JPEG : {32-2592, 2}x{32-1944, 2}`];
  assertEquals(parseV4l2Formats(ranges), { jpeg: [], raw: [] });
  assertEquals(parseV4l2Formats(["/dev/video9: No such file or directory"]), {
    jpeg: undefined,
    raw: [],
  });
});

Deno.test("nearestSize() chooses the nearest size, by one side if only one is requested", () => {
  const offered = parseSizes("160x120 640x480 1280x720 1920x1080");
  assertEquals(nearestSize(offered, { width: 1280, height: 720 }), { width: 1280, height: 720 });
  assertEquals(nearestSize(offered, { width: 800, height: 600 }), { width: 640, height: 480 });
  assertEquals(nearestSize(offered, { height: 1080 }), { width: 1920, height: 1080 });
  assertEquals(nearestSize(offered, { width: 9999 }), { width: 1920, height: 1080 });
  assertEquals(nearestSize([], { width: 640 }), undefined);
});

Deno.test("parseDevices() reads the cameras of macOS, without microphones and screens", () => {
  const list = [
    "[AVFoundation indev @ 0x7f8] AVFoundation video devices:",
    "[AVFoundation indev @ 0x7f8] [0] FaceTime HD Camera",
    "[AVFoundation indev @ 0x7f8] [1] Capture screen 0",
    "[AVFoundation indev @ 0x7f8] AVFoundation audio devices:",
    "[AVFoundation indev @ 0x7f8] [0] MacBook Microphone",
    ": Input/output error",
  ];
  assertEquals(parseMacDevices(list), [{ source: "0", name: "FaceTime HD Camera" }]);
});

Deno.test("parseDevices() reads the cameras of Windows from the lists of old and new ffmpegs", () => {
  const found = [{ source: "Integrated Camera", name: "Integrated Camera" }];
  const alternative = '[dshow @ 0001]   Alternative name "@device_pnp_\\\\?\\usb#vid"';
  const since5 = [
    '[dshow @ 0001] "Integrated Camera" (video)',
    alternative,
    '[dshow @ 0001] "Microphone (Realtek Audio)" (audio)',
    alternative,
  ];
  assertEquals(parseWindowsDevices(since5), found);
  const before5 = [
    "[dshow @ 0001] DirectShow video devices (some may be both video and audio devices)",
    '[dshow @ 0001]  "Integrated Camera"',
    alternative,
    "[dshow @ 0001] DirectShow audio devices",
    '[dshow @ 0001]  "Microphone (Realtek Audio)"',
  ];
  assertEquals(parseWindowsDevices(before5), found);
});

Deno.test("parseFormats() reads the formats of a Windows camera from ffmpeg's list", () => {
  const list = [
    "[dshow @ 0001]   pixel_format=yuyv422  min s=640x480 fps=5 max s=640x480 fps=30",
    "[dshow @ 0001]   vcodec=mjpeg  min s=1280x720 fps=5 max s=1280x720 fps=30",
  ];
  assertEquals(parseWindowsFormats(list), {
    jpeg: [{ width: 1280, height: 720 }],
    raw: [{ width: 640, height: 480 }],
  });
  assertEquals(parseWindowsFormats(list.slice(0, 1)).jpeg, undefined);
});

Deno.test({
  name: "findWebcamsIn() lists cameras by number or permanent name, without other video devices",
  ignore: Deno.build.os === "windows" || needing("sh", "cat", "readlink").ignore,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    const { signal } = new AbortController();
    try {
      const devices = { video10: ["bcm2835-codec-decode", 0], video2: ["HD Webcam C525", 0] };
      const more = { video0: ["USB Camera: front", 0], video1: ["USB Camera: front", 1] };
      for (const [device, [name, index]] of Object.entries({ ...devices, ...more })) {
        await Deno.mkdir(`${folder}/class/${device}`, { recursive: true });
        await Deno.writeTextFile(`${folder}/class/${device}/name`, `${name}\n`);
        await Deno.writeTextFile(`${folder}/class/${device}/index`, `${index}\n`);
      }
      await Deno.mkdir(`${folder}/by-id`);
      await Deno.symlink("../../video2", `${folder}/by-id/usb-046d_HD_Webcam-video-index0`);
      assertEquals(await findWebcamsIn(`${folder}/class`, `${folder}/by-id`, signal), [
        { source: "/dev/video0", name: "USB Camera: front" },
        { source: `${folder}/by-id/usb-046d_HD_Webcam-video-index0`, name: "HD Webcam C525" },
      ]);
      assertEquals(await findWebcamsIn(`${folder}/none`, `${folder}/none`, signal), []);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
