// fakecam: a stand-in for rpicam-vid. Writes stamped JPEGs, one after another, to stdout.
// Supports --width --height --framerate -t/--timeout (ms; 0 = forever) -o; ignores all other options.
// --align: frames are due when CLOCK_MONOTONIC is a multiple of their interval, so that mjpegload -A knows their age
// without a stamp, which pictures lose when the server changes them.
// Frames: $FAKECAM_DIR/<height>.mjpeg (required).
#include "frames.h"
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv) {
  prctl(PR_SET_NAME, "fakecam"); // whatever the name of its file: its CPU time is not counted for the server
  int h = 720, align = 0; double fps = 30; long timeout = 0;
  for (int i = 1; i < argc; i++) {
    char *a = argv[i], *v = i + 1 < argc ? argv[i + 1] : "", *eq = strchr(a, '=');
    if (a[0] == '-' && a[1] == '-' && eq) { *eq = 0; v = eq + 1; } else if (a[0] == '-' && v[0] && (v[0] != '-' || !v[1])) i++;
    if (!strcmp(a, "--height")) h = atoi(v);
    else if (!strcmp(a, "--framerate")) fps = atof(v);
    else if (!strcmp(a, "-t") || !strcmp(a, "--timeout")) timeout = atol(v);
    else if (!strcmp(a, "--align")) align = 1;
    else if (!strcmp(a, "--list-cameras")) { puts("Available cameras\n-----------------\n0 : fakecam [1920x1080] (/base/fake)"); return 0; }
  }
  char path[512]; const char *dir = getenv("FAKECAM_DIR");
  snprintf(path, sizeof path, "%s/%d.mjpeg", dir ? dir : "frames", h);
  frameset_t s;
  if (frames_load(&s, path)) { fprintf(stderr, "fakecam: no frames in %s\n", path); return 1; }
  signal(SIGPIPE, SIG_IGN);
  uint64_t t0 = now_ns(), step = 1e9 / fps, tick = 0;
  if (align) t0 = (t0 / step + 1) * step;
  for (;;) {
    uint64_t due = t0 + tick * step, now = now_ns();
    if (now > due + step) { tick = (now - t0) / step + 1; continue; } // the reader is too slow: drops this frame
    struct timespec ts = { due / 1000000000ull, due % 1000000000ull };
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR) {}
    frame_t *f = &s.f[tick % s.n];
    frame_stamp(f->data, tick, now_ns());
    for (size_t o = 0; o < f->len;) {
      ssize_t w = write(1, f->data + o, f->len - o);
      if (w < 0 && errno == EINTR) continue;
      if (w < 0) return 0;
      o += w;
    }
    tick++;
    if (timeout && now_ns() - t0 > timeout * 1000000ull) return 0;
  }
}
