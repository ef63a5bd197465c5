#!/usr/bin/env bash
# ffmpeg -fflags nobuffer discards the frames that it reads while it analyses the input.
#
# Expected: nobuffer, part of every recipe for low latency, passes frames on earlier, and all of them. The input here is
#   a file, so nothing depends on timing.
# Seen: the frames read during the analysis are never delivered. Of MJPEG in multipart, the first frame is lost. Of
#   H.264 in Matroska, the first key frame is among them, so nothing can be shown until the next key frame: with a
#   key frame every 2 seconds, 2 seconds are lost. H.264 in MPEG-TS loses nothing.
# Version: ffmpeg 5.1.9 (Debian 12).
# Output seen:
#   multipart MJPEG: 60 frames, with nobuffer 59
#   H.264 in Matroska: 150 frames, with nobuffer 90
#   H.264 in MPEG-TS: 150 frames, with nobuffer 150
# Why it matters: with this option, a program that reads a single picture gets none, a recording lacks its beginning,
#   and a viewer of an H.264 camera waits for the next key frame.
set -euo pipefail

command -v ffmpeg > /dev/null || { echo "ffmpeg is not installed"; exit 2; }
ffmpeg -version | sed -n 1p
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

generate() { timeout 30 ffmpeg -v error -nostdin -f lavfi -i "$@"; }
generate testsrc2=size=320x240:rate=10 -frames:v 60 -c:v mjpeg -f mpjpeg "$tmp/mjpeg.multipart"
generate testsrc2=size=320x240:rate=30 -frames:v 150 -c:v libx264 -g 60 "$tmp/h264.mkv"
generate testsrc2=size=320x240:rate=30 -frames:v 150 -c:v libx264 -g 60 -f mpegts "$tmp/h264.ts"

# Prints the number of frames that ffmpeg decodes.
decoded() { # FILE [INPUT OPTION ...]
  local file=$1
  shift
  timeout 30 ffmpeg -v quiet -nostdin "$@" -i "$file" -map 0:v -f framemd5 - | grep -vc '^#' || true
}

result=""
compare() { # NAME FILE
  local all without
  all=$(decoded "$2")
  without=$(decoded "$2" -fflags nobuffer)
  echo "$1: $all frames, with nobuffer $without"
  result+="$all $without;"
}
compare "multipart MJPEG" "$tmp/mjpeg.multipart"
compare "H.264 in Matroska" "$tmp/h264.mkv"
compare "H.264 in MPEG-TS" "$tmp/h264.ts"

if [ "$result" = "60 59;150 90;150 150;" ]; then
  echo "as described"
else
  echo "changed: expected 60 59;150 90;150 150; but got $result"
  exit 1
fi
