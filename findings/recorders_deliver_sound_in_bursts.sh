#!/usr/bin/env bash
# parec delivers the sound of a live recording only every two seconds, arecord every 125 ms.
#
# Expected: a program that records to a pipe passes the sound on as it arrives, in steps of 10 or 20 ms.
# Seen: without options, parec asks the sound server for the largest buffer: two seconds. arecord asks for half a second
#   and delivers a quarter of it at a time. ffmpeg asks for 50 ms and GStreamer for 10 ms. With --latency-msec or
#   --period-time, the first two are as quick.
# Versions: PulseAudio 16.1, alsa-utils 1.2.8 with libasound2-plugins 1.2.7.1, ffmpeg 5.1.9, GStreamer 1.22.0
#   (Debian 12). The monitor of a null sink, 24 kHz mono; the median of the pauses between two chunks.
# Output seen:
#   parec: 2000 ms
#   parec --latency-msec=20: 20 ms
#   arecord: 125 ms
#   arecord --period-time=10000 --buffer-time=40000: 10 ms
#   ffmpeg: 50 ms
#   gst-launch-1.0: 10 ms
# Why it matters: what is built on such a pipe is two seconds late, and a clock that is derived from the arrival of the
#   sound is off by as much.
set -euo pipefail

for program in pulseaudio parec arecord ffmpeg gst-launch-1.0 python3; do
  command -v "$program" > /dev/null || { echo "$program is not installed"; exit 2; }
done
pulseaudio --version
tmp=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$tmp"' EXIT
export HOME=$tmp XDG_RUNTIME_DIR=$tmp PULSE_SERVER=unix:$tmp/native PULSE_SOURCE=microphone.monitor
pulseaudio -n --daemonize=no --exit-idle-time=-1 --realtime=no --high-priority=no \
  -L "module-native-protocol-unix socket=$tmp/native auth-anonymous=1" \
  -L "module-null-sink sink_name=microphone rate=48000" > /dev/null 2>&1 &
server=$!
for _ in $(seq 50); do
  [ -S "$tmp/native" ] && break
  sleep 0.1
done

timeout 50 python3 - <<'PY'
import os, statistics, subprocess, sys, time

PAREC = "parec --raw --format=s16le --rate=24000 --channels=1"
ARECORD = "arecord -q -D pulse -t raw -f S16_LE -c 1 -r 24000"
COMMANDS = {
    "parec": PAREC,
    "parec --latency-msec=20": f"{PAREC} --latency-msec=20",
    "arecord": ARECORD,
    "arecord --period-time=10000 --buffer-time=40000": f"{ARECORD} --period-time=10000 --buffer-time=40000",
    "ffmpeg": "ffmpeg -v error -nostdin -f pulse -i default -ac 1 -ar 24000 -f s16le -",
    "gst-launch-1.0": "gst-launch-1.0 -q pulsesrc ! audio/x-raw,format=S16LE,channels=1,rate=24000 ! fdsink",
}
EXPECTED = [(1800, 2200), (5, 40), (115, 135), (5, 25), (45, 55), (5, 20)]


def pause(command):
    """Returns the median of the pauses between two chunks, in milliseconds. The server needs 2 s to begin."""
    times = []
    with subprocess.Popen(command.split(), stdout=subprocess.PIPE) as process:
        started = time.monotonic()
        while time.monotonic() - started < 6.6 and os.read(process.stdout.fileno(), 1 << 20):
            now = time.monotonic()
            # Chunks that follow at once belong to the same burst.
            if now - started > 2.2 and (not times or now - times[-1] > 0.003):
                times.append(now)
        process.kill()
    return 1000 * statistics.median(b - a for a, b in zip(times, times[1:]))


as_described = True
for (name, command), (low, high) in zip(COMMANDS.items(), EXPECTED):
    milliseconds = pause(command)
    print(f"{name}: {milliseconds:.0f} ms")
    as_described &= low < milliseconds < high
print("as described" if as_described else "changed: other pauses than in the head of this script")
sys.exit(not as_described)
PY
