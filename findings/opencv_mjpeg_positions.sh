#!/usr/bin/env bash
# OpenCV reports success for a seek in an MJPEG stream that does not move, and huge negative positions.
#
# Expected: VideoCapture.set() returns false for a property that the source does not support; an unknown number of
#   frames or an unknown position is 0 or -1.
# Seen: set(CAP_PROP_POS_FRAMES, 30) returns True, and the next read() returns the frame that was next anyway. The
#   number of frames is -2^63, and every position in milliseconds is -3.7e20. This applies to concatenated JPEGs and to
#   multipart; the same pictures in Matroska behave as expected.
# Versions: OpenCV 4.6.0 with the FFmpeg backend, ffmpeg 5.1.9 (Debian 12).
# Output seen:
#   raw.mjpeg: frame count -9223372036854775808, position -368934881474191032320 ms, set True, then frame 5
#   multipart.mjpg: frame count -9223372036854775808, position -368934881474191032320 ms, set True, then frame 5
#   matroska.mkv: frame count 60, position 400 ms, set True, then frame 30
# Why it matters: a program that reads a camera or a saved stream computes nonsense durations, and assumes that the seek
#   has worked. Only the pictures themselves show that it has not.
set -euo pipefail

python=/usr/bin/python3 # Debian's module is for Debian's Python, which may not be the first in PATH
command -v ffmpeg > /dev/null || { echo "ffmpeg is not installed"; exit 2; }
"$python" -c "import cv2" 2> /dev/null || { echo "OpenCV for Python is not installed"; exit 2; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
timeout 30 ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=320x240:rate=10 -frames:v 60 -c:v mjpeg -q:v 5 \
  -f mjpeg raw.mjpeg
timeout 30 ffmpeg -v error -nostdin -framerate 10 -i raw.mjpeg -c copy -f mpjpeg multipart.mjpg
timeout 30 ffmpeg -v error -nostdin -framerate 10 -i raw.mjpeg -c copy matroska.mkv

timeout 40 "$python" - <<'PY'
import sys
import cv2

print("OpenCV", cv2.__version__)


def open_file(name):
    return cv2.VideoCapture(name, cv2.CAP_FFMPEG)


def observe(name):
    capture, frames = open_file(name), []
    while True:
        ok, frame = capture.read()
        if not ok:
            break
        frames.append(frame)

    capture = open_file(name)
    for _ in range(5):
        capture.read()
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    position = capture.get(cv2.CAP_PROP_POS_MSEC)
    moved = capture.set(cv2.CAP_PROP_POS_FRAMES, 30)
    ok, frame = capture.read()
    found = [number for number, other in enumerate(frames) if ok and (other == frame).all()]
    print(f"{name}: frame count {count:.0f}, position {position:.0f} ms, set {moved}, then frame", *found)
    return len(frames), count, position, moved, found


unsupported = [observe("raw.mjpeg"), observe("multipart.mjpg")]
control = observe("matroska.mkv")
as_described = control == (60, 60, 400, True, [30]) and all(
    frames == 60 and count < -1e18 and position < -1e18 and moved and found == [5]
    for frames, count, position, moved, found in unsupported
)
print("as described" if as_described else "changed: other positions than in the head of this script")
sys.exit(not as_described)
PY
