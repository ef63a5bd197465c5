#!/usr/bin/env bash
# ffmpeg writes Ogg only once per second, also with -flush_packets 1.
#
# Expected: `-flush_packets 1` writes each packet as soon as it is encoded. With Opus packets of 20 ms and
#   `-application lowdelay`, a live stream leaves ffmpeg every 20 ms.
# Seen: the Ogg muxer collects a page of one second first. -flush_packets does not change that; -page_duration does.
# Version: ffmpeg 5.1.9 (Debian 12), with libopus. Sound in real time; the median of the pauses between two writes.
# Output seen:
#   lowdelay: 1000 ms
#   lowdelay, -flush_packets 1: 1000 ms
#   lowdelay, -page_duration 20000: 20 ms
# Why it matters: a live stream of sound is a second behind, and arrives in bursts: a player must buffer another second.
set -euo pipefail

for program in ffmpeg python3; do
  command -v "$program" > /dev/null || { echo "$program is not installed"; exit 2; }
done
ffmpeg -version | sed -n 1p

timeout 50 python3 - <<'PY'
import os, statistics, subprocess, sys, time

SOURCE = "ffmpeg -v error -nostdin -re -f lavfi -i sine=sample_rate=48000"
OPUS = "-c:a libopus -b:a 32k -frame_duration 20 -application lowdelay"


def pause(options):
    """Returns the median of the pauses between two writes, without those of the first second, in milliseconds."""
    command = f"{SOURCE} {OPUS} {options} -t 7 -f ogg -".split()
    times = []
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        started = time.monotonic()
        while os.read(process.stdout.fileno(), 1 << 16):
            times.append(time.monotonic())
    times = [at for at in times[:-1] if at - started > 1]  # at its end, ffmpeg writes what is left
    return 1000 * statistics.median(b - a for a, b in zip(times, times[1:]))


pauses = {options: pause(options) for options in ["", "-flush_packets 1", "-page_duration 20000"]}
for options, milliseconds in pauses.items():
    print(f"lowdelay{', ' if options else ''}{options}: {round(milliseconds, -1):.0f} ms")
results = ["a second" if 900 < value < 1100 else "a packet" if value < 40 else value for value in pauses.values()]
as_described = results == ["a second", "a second", "a packet"]
print("as described" if as_described else "changed: other pauses than in the head of this script")
sys.exit(not as_described)
PY
