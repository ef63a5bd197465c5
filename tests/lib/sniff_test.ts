import { assert, assertEquals, assertLess } from "@std/assert";
import { describeBytes } from "../../lib/sniff.ts";
import { ffmpeg } from "../ffmpeg.ts";
import { needing } from "../parts.ts";
import { Random } from "../random.ts";

const TEXT = "text: ";

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

const SAMPLES: Record<string, readonly string[]> = {
  "nothing": [""],
  "zeros": ["\0", "\0".repeat(5_000)],
  "JPEG": ["\xff\xd8\xff\xe0\0\x10JFIF\0", "\xff\xd8\xff"],
  "PNG": ["\x89PNG\r\n\x1a\n\0\0\0\rIHDR"],
  "GIF": ["GIF89a\x10\0", "GIF87a"],
  "WebP": ["RIFF\x24\0\0\0WEBPVP8 "],
  "AVI": ["RIFF\0\0\0\0AVI LIST"],
  "AVIF": ["\0\0\0\x20ftypavif\0\0\0\0"],
  "HEIF": ["\0\0\0\x18ftypheic\0\0\0\0"],
  "MP4": ["\0\0\0\x20ftypisom\0\0\x02\0", "\0\0\0\x18styp", "\0\0\x01\0moof\0\0\0\x10"],
  "FLV": ["FLV\x01\x05\0\0\0\x09"],
  "Matroska or WebM": ["\x1a\x45\xdf\xa3\x9f\x42"],
  "BMP": ["BM\x36\x84\x03\0\0\0\0\0\x36"],
  "PNM": ["P6\n640 480\n255\n\0\x01\x02"],
  "gzip": ["\x1f\x8b\x08\0\0"],
  "H.264": [
    "\0\0\0\x01\x67\x64\0\x1f\xac",
    "\0\0\x01\x27\x42\xe0",
    "\0\0\0\x01\x09\xf0\0\0\0\x01\x67",
    "\0\0\0\x01\x06\x05\xff\xff",
    "\0\0\0\x01\x41\x9a\x24",
    "\0\0\0\x01\x68\xee\x3c",
  ],
  "H.265": [
    "\0\0\0\x01\x40\x01\x0c\x01",
    "\0\0\x01\x42\x01\x01",
    "\0\0\0\x01\x46\x01\x50",
    "\0\0\0\x01\x26\x01\xaf",
    "\0\0\0\x01\x02\x01\xd0",
  ],
  "MPEG-1 or MPEG-2 video": ["\0\0\x01\xb3\x28\x01\xe0"],
  "MPEG-PS": ["\0\0\x01\xba\x44\0"],
  "MPEG-4 Part 2 video": ["\0\0\x01\xb0\x01\0\0\x01\xb5", "\0\0\x01\xb6\x10"],
  "MPEG-TS": ["\x47\x40\x11\x10\0\x42\xf0", `G@\0\x10${"\xff".repeat(184)}G\x01\0\x10\0`],
  "RTSP response": ["RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n"],
  "HTTP response": ["HTTP/1.1 200 OK\r\nServer: camera\r\n\r\n\xff\xd8\0"],
  "HTML": [
    "<!DOCTYPE html>\n<title>Camera</title>",
    "\r\n <HTML><body>",
    "<!-- Copyright -->\n<html>",
    "\xef\xbb\xbf<html><p>Cam\xe9ra",
    '<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0">',
  ],
  "multipart stream": [
    "--frame\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\xff",
    "\r\n--b\nContent-Length: 5",
  ],
  "XML": ['<?xml version="1.0"?><Fault/>', "<svg xmlns=''>", "<soap:Envelope>"],
  "JSON": ['{"error": "no camera"}', "{ }", '[\n {"a": 1}]', "[1, 2]", "[]"],
  [`${TEXT}"Usage: capture [options]"`]: [
    "Usage: capture [options]\n",
    "\n\nUsage:\tcapture\n[options]",
  ],
  [`${TEXT}"[mjpeg @ 0x55] error"`]: ["[mjpeg @ 0x55] error\n"],
  [`${TEXT}"[1/3] <b> {x} G"`]: ["[1/3] <b> {x} G"],
  [`${TEXT}"warning: slow"`]: ["\x1b[1;33mwarning:\x1b[0m slow\r\n"],
  [`${TEXT}"say \\"hi\\" \\\\ now"`]: ['say "hi" \\ now'],
  [`${TEXT}""`]: ["\n\n"],
  "raw video or other binary data (first bytes 12 34 56 78)": ["\x12\x34\x56\x78\x9a"],
  "raw video or other binary data (first bytes 80 0A)": ["\x80\x0a"],
  "raw video or other binary data (first bytes 00 00 00 01)": ["\0\0\0\x01\xff"],
};

for (const [description, samples] of Object.entries(SAMPLES)) {
  Deno.test(`describeBytes() recognizes ${description}`, () => {
    for (const sample of samples) assertEquals(describeBytes(latin1(sample)), description);
  });
}

Deno.test("describeBytes() quotes at most 60 characters of text", () => {
  const words =
    "Cannot open the camera: the device is used by another program, please close it first";
  assertEquals(
    describeBytes(utf8(words)),
    `${TEXT}"Cannot open the camera: the device is used by another progr…"`,
  );
  const cameras = "ビデオカメラ".repeat(20);
  assertEquals(describeBytes(utf8(cameras)), `${TEXT}"${cameras.slice(0, 59)}…"`);
  assertEquals(describeBytes(utf8("x".repeat(60))), `${TEXT}"${"x".repeat(60)}"`);
});

Deno.test("describeBytes() accepts an incomplete character at the end", () => {
  const text = utf8("Caméra");
  for (let length = 4; length <= text.length; length++) {
    assert(describeBytes(text.slice(0, length)).startsWith(TEXT), `${length} bytes`);
  }
});

Deno.test("describeBytes() hides text that may be a secret", () => {
  const samples = {
    "Opening rtsp://admin:hunter2@10.0.0.5/live failed": "Opening (URL) failed",
    "GET http://camera/?token=hunter2 HTTP/1.1": "GET (URL) HTTP/1.1",
    "rtsp://admin:hunter2": "(URL)",
    "login admin:hunter2@camera": "login (address)",
    "password=hunter2 user=admin": "password=(hidden) user=admin",
    "Password: hunter2": "Password: (hidden)",
    "api_key = hunter2, fps 30": "api_key = (hidden) fps 30",
    "passed the key frame, basic settings": "passed the key frame, basic (hidden)",
    "Authorization: Basic aHVudGVyMg== sent": "Authorization: (hidden) sent",
    "id 0123456789abcdef0123456789abcdef": "id (hidden)",
  };
  for (const [text, shown] of Object.entries(samples)) {
    assertEquals(describeBytes(utf8(text)), `${TEXT}"${shown}"`);
  }
});

Deno.test("describeBytes() describes random bytes quickly in one short line", () => {
  const random = new Random(1);
  const started = performance.now();
  for (let round = 0; round < 500; round++) {
    const [min, max] = random.of([[0, 255], [32, 126], [0x2e, 0x40], [0, 1]] as const);
    const bytes = Uint8Array.from(
      { length: random.integer(1, 3_000) },
      () => random.integer(min, max),
    );
    const description = describeBytes(bytes);
    assertLess(description.length, 140);
    assert(/^[\P{C}]+$/u.test(description), description);
  }
  for (const part of ["a:", "pass ", "<!-- ", "<!---->", "x@", "A1", "key"]) {
    describeBytes(utf8(part.repeat(2_000)));
  }
  assertLess(performance.now() - started, 5_000);
});

const FORMATS: Record<string, string[]> = {
  "JPEG": ["-f", "mjpeg"],
  "PNG": ["-c:v", "png", "-f", "image2pipe"],
  "GIF": ["-f", "gif"],
  "WebP": ["-c:v", "libwebp", "-f", "image2pipe"],
  "BMP": ["-c:v", "bmp", "-f", "image2pipe"],
  "PNM": ["-c:v", "ppm", "-f", "image2pipe"],
  "AVI": ["-c:v", "mjpeg", "-f", "avi"],
  "MP4": ["-c:v", "mpeg4", "-movflags", "frag_keyframe+empty_moov", "-f", "mp4"],
  "FLV": ["-f", "flv"],
  "Matroska or WebM": ["-c:v", "mjpeg", "-f", "matroska"],
  "MPEG-TS": ["-c:v", "mpeg2video", "-f", "mpegts"],
  "MPEG-PS": ["-c:v", "mpeg2video", "-f", "mpeg"],
  "H.264": ["-c:v", "libx264", "-f", "h264"],
  "H.265": ["-c:v", "libx265", "-x265-params", "log-level=none", "-f", "hevc"],
  "MPEG-1 or MPEG-2 video": ["-c:v", "mpeg2video", "-f", "mpeg2video"],
  "MPEG-4 Part 2 video": ["-c:v", "mpeg4", "-f", "m4v"],
  "YUV4MPEG2 (raw video)": ["-pix_fmt", "yuv420p", "-f", "yuv4mpegpipe"],
  "raw video or other binary data (first bytes FD FD FD FD)": [
    "-pix_fmt",
    "rgb24",
    "-f",
    "rawvideo",
  ],
  "zeros": ["-vf", "drawbox=c=black:t=fill", "-pix_fmt", "rgb24", "-f", "rawvideo"],
};

Deno.test({
  name: "describeBytes() recognizes what ffmpeg writes",
  ...needing("ffmpeg"),
  async fn() {
    for (const [description, output] of Object.entries(FORMATS)) {
      const source = ["-f", "lavfi", "-i", "color=c=0xfefefe:s=160x128:r=25:d=0.2"];
      const { output: bytes, warnings } = await ffmpeg([...source, ...output, "pipe:1"]);
      if (bytes.length === 0 && /Unknown encoder/.test(warnings.join())) continue;
      assertEquals(describeBytes(bytes), description);
    }
  },
});
