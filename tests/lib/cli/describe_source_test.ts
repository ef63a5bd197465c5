import { assertEquals } from "@std/assert";
import { describeSource } from "../../../lib/cli/describe_source.ts";

Deno.test("describeSource() shows devices, numbers and paths", () => {
  for (const source of ["0", "/dev/video0", "C:\\clips\\a.avi", "/home/me/holiday.mp4"]) {
    assertEquals(describeSource(source), source);
  }
});

Deno.test("describeSource() hides the credentials, the path and the query of a URL", () => {
  for (
    const [source, shown] of [
      ["http://me:secret@192.168.1.20:8000/video?pwd=KEY", "http://192.168.1.20:8000/…"],
      ["rtsp://me:sec@ret@camera.local/live", "rtsp://camera.local/…"],
      ["http://camera.local", "http://camera.local/…"],
      ["https://[::1]:8443/?usr=admin&pwd=KEY", "https://[::1]:8443/…"],
    ] as const
  ) assertEquals(describeSource(source), shown);
});

Deno.test("describeSource() shows only the program of a command", () => {
  assertEquals(describeSource("ffmpeg -i rtsp://me:secret@camera/ -"), "ffmpeg …");
  assertEquals(describeSource("http://me:secret@camera/a b"), undefined);
});

Deno.test("describeSource() shows nothing of a value in which a password could be anywhere", () => {
  for (
    const source of [
      "http://me:8#secret@camera/",
      "http://me:80/secret@camera/",
      "http://me:p#secret@camera/",
      "me:secret@camera",
      "camera/video?pwd=KEY",
      "x".repeat(5_000),
    ]
  ) assertEquals(describeSource(source), undefined, source);
});
