#!/usr/bin/env bash
# OpenCV rotates a JPEG by its EXIF orientation in imread and imdecode, but not in VideoCapture.
#
# Expected: a library decodes a picture in the same way everywhere. VideoCapture has CAP_PROP_ORIENTATION_AUTO, which is
#   on, and ffmpeg, which it reads with, rotates the same stream.
# Seen: for a camera that is mounted at 90 degrees and records this in each JPEG (EXIF orientation 6), imread, imdecode
#   and the ffmpeg program return a picture of 240x320, VideoCapture one of 320x240.
# Versions: OpenCV 4.6.0 with the FFmpeg backend, ffmpeg 5.1.9 (Debian 12).
# Output seen:
#   imread 240x320, imdecode 240x320, ffmpeg 240x320, VideoCapture 320x240 (ORIENTATION_AUTO 1)
# Why it matters: a detector that was trained or tested on snapshots of a camera receives its stream lying on its side.
#   A server that rotates by EXIF alone does not reach such readers.
set -euo pipefail

python=/usr/bin/python3 # Debian's module is for Debian's Python, which may not be the first in PATH
for program in ffmpeg ffprobe; do
  command -v "$program" > /dev/null || { echo "$program is not installed"; exit 2; }
done
"$python" -c "import cv2" 2> /dev/null || { echo "OpenCV for Python is not installed"; exit 2; }
ffmpeg -version | sed -n 1p
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

timeout 30 ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=320x240:rate=10 -frames:v 10 plain%02d.jpg
"$python" - <<'PY'
# A TIFF header and one entry: orientation (0x0112), type SHORT, one value, 6.
tiff = b"MM\0*" + (8).to_bytes(4, "big") + bytes.fromhex("0001" "0112" "0003" "00000001" "00060000" "00000000")
exif = b"Exif\0\0" + tiff
segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
with open("stream.mjpeg", "wb") as stream:
    for number in range(1, 11):
        with open(f"plain{number:02}.jpg", "rb") as file:
            jpeg = file.read()
        turned = jpeg[:2] + segment + jpeg[2:]
        stream.write(turned)
with open("turned.jpg", "wb") as file:
    file.write(turned)
PY
timeout 30 ffmpeg -v error -nostdin -f mjpeg -i stream.mjpeg -frames:v 1 ffmpeg.png
ffmpeg_size=$(ffprobe -v error -show_entries stream=width,height -of csv=p=0:s=x ffmpeg.png)

timeout 30 "$python" - "$ffmpeg_size" <<'PY'
import sys
import cv2
import numpy

print("OpenCV", cv2.__version__)


def size(picture):
    return f"{picture.shape[1]}x{picture.shape[0]}"


capture = cv2.VideoCapture("stream.mjpeg", cv2.CAP_FFMPEG)
automatic = capture.get(cv2.CAP_PROP_ORIENTATION_AUTO)
sizes = [
    size(cv2.imread("turned.jpg")),
    size(cv2.imdecode(numpy.fromfile("turned.jpg", numpy.uint8), cv2.IMREAD_COLOR)),
    sys.argv[1],
    size(capture.read()[1]),
]
print("imread {}, imdecode {}, ffmpeg {}, VideoCapture {}".format(*sizes), f"(ORIENTATION_AUTO {automatic:.0f})")
as_described = sizes == ["240x320", "240x320", "240x320", "320x240"] and automatic == 1
print("as described" if as_described else "changed: other sizes than in the head of this script")
sys.exit(not as_described)
PY
