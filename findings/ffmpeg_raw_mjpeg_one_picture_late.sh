#!/usr/bin/env bash
# ffmpeg passes a picture of raw MJPEG on only when the next one begins, although its end is marked.
#
# Expected: a JPEG ends with the marker EOI (FF D9). So `ffmpeg -f mjpeg -i - -c copy`, which decodes nothing, passes
#   each picture on as soon as it has arrived.
# Seen: each picture leaves with the arrival of the next one. The options for low latency do not help. The same pictures
#   in multipart with Content-Length leave at once.
# Version: ffmpeg 5.1.9 (Debian 12). A picture every 500 ms.
# Output seen:
#   raw: 500 ms late
#   raw, options for low latency: 500 ms late
#   multipart: 0 ms late
# Why it matters: ffmpeg between a camera program that prints JPEGs and a server adds the time of one frame: a second at
#   1 frame per second. If the server parses the camera's output itself, or ffmpeg reads multipart, this delay is
#   avoided.
set -euo pipefail

for program in ffmpeg python3; do
  command -v "$program" > /dev/null || { echo "$program is not installed"; exit 2; }
done
ffmpeg -version | sed -n 1p
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
timeout 30 ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=320x240:rate=2 -frames:v 9 -q:v 5 picture%d.jpg

timeout 50 python3 - <<'PY'
import os, subprocess, sys, threading, time

pictures = []
for number in range(1, 10):
    with open(f"picture{number}.jpg", "rb") as file:
        pictures.append(file.read())
INTERVAL = 0.5
LOW_LATENCY = "-fflags nobuffer -flags low_delay -probesize 32 -analyzeduration 0".split()


def raw(picture):
    return picture


def part(picture):
    header = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
    return header % len(picture) + picture + b"\r\n"


def delay(format, wrap, options=()):
    """Returns how late the pictures in the middle leave, as a median, in milliseconds."""
    command = ["ffmpeg", "-v", "quiet", *options, "-f", format, "-i", "-", "-c", "copy", "-f", "mjpeg",
               "-flush_packets", "1", "-"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    output, left = bytearray(), {}

    def read():
        while data := os.read(process.stdout.fileno(), 1 << 20):
            output.extend(data)
            for index, picture in enumerate(pictures):
                if index not in left and picture in output:
                    left[index] = time.monotonic()

    reader = threading.Thread(target=read)
    reader.start()
    arrived = []
    for picture in pictures:
        process.stdin.write(wrap(picture))
        process.stdin.flush()
        arrived.append(time.monotonic())
        time.sleep(INTERVAL)
    process.stdin.close()
    reader.join()
    process.wait()
    delays = sorted(left[index] - arrived[index] for index in range(3, 8))
    return round(delays[2] * 1000)


delays = {
    "raw": delay("mjpeg", raw),
    "raw, options for low latency": delay("mjpeg", raw, LOW_LATENCY),
    "multipart": delay("mpjpeg", part),
}
for name, milliseconds in delays.items():
    print(f"{name}: {milliseconds} ms late")
results = ["late" if 400 < value < 700 else "at once" if value < 250 else value for value in delays.values()]
as_described = results == ["late", "late", "at once"]
print("as described" if as_described else "changed: other delays than in the head of this script")
sys.exit(not as_described)
PY
