// liveload: N clients of the live protocol (a WebSocket each) for one camera, one process, epoll.
//   liveload [-p port] [-n camera] [-c clients] [-t seconds] [-w warmup_s] [-W] [-L]
//   -W  watch the camera: acknowledge each frame at once, and report its age on arrival of its last byte,
//       from the stamp of fakecam
//   -L  listen to the camera: report the age of each packet of sound, from when its first sample was heard
// The camera must be the server's first. Bodies are discarded in the kernel (MSG_TRUNC), but for their first bytes.
// Prints START and END on stderr around the measurement, and one line of JSON on stdout.
#define _GNU_SOURCE
#define FRAMES_NO_LOAD
#include "frames.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HTTP_HEAD, WS_HEAD, WS_BODY };
enum { TEXT = 0x81, BINARY = 0x82, PING = 0x89, PONG = 0x8A };
enum { FRAME = 1, SOUND = 3 };
#define HEADER 16 // of a binary message
#define KEPT 192  // bytes of a message that are not discarded
typedef struct { uint64_t count, missing; uint32_t last; int have_last; } stream_t;
typedef struct {
  int fd, st, dead, opened, n; // n: bytes in `head`
  char head[4096];
  uint8_t b[KEPT];
  size_t len, left, kept;
  stream_t frames, sound;
} cl_t;

typedef struct { uint32_t *v; size_t n, cap; } lat_t;
static lat_t frame_ages, sound_ages;
static int measuring; static uint64_t corrupt;
static void lat_add(lat_t *l, double us) {
  if (l->n == l->cap) l->v = realloc(l->v, (l->cap = l->cap ? l->cap * 2 : 65536) * 4);
  l->v[l->n++] = us < 0 ? 0 : us;
}
static int cmp32(const void *a, const void *b) { uint32_t x = *(uint32_t *)a, y = *(uint32_t *)b; return x < y ? -1 : x > y; }
static double pct(lat_t *l, double p) { return l->n ? l->v[(size_t)(p * (l->n - 1))] / 1000.0 : -1; }

static uint64_t get_be(const uint8_t *p, int bytes) { uint64_t v = 0; while (bytes--) v = v << 8 | *p++; return v; }
// Sends a message of up to 125 bytes, masked with zeros, which leave it as it is.
static void ws_send(cl_t *c, int opcode, const void *text, size_t n) {
  uint8_t m[6 + 125] = { opcode, 0x80 | n };
  memcpy(m + 6, text, n);
  if (send(c->fd, m, 6 + n, MSG_NOSIGNAL) != (ssize_t)(6 + n)) c->dead = 1;
}
static void count(stream_t *s, uint32_t sequence) {
  if (measuring) { s->count++; if (s->have_last) s->missing += sequence - s->last - 1; }
  s->last = sequence; s->have_last = 1;
}
static void message(cl_t *c) {
  int opcode = (uint8_t)c->head[0];
  if (opcode == PING) ws_send(c, PONG, c->b, c->kept);
  if (opcode == TEXT || opcode == PING || opcode == PONG) return;
  if (opcode != BINARY || c->len < HEADER) { c->dead = 1; return; } // a close, or in fragments
  uint32_t sequence = get_be(c->b + 4, 4);
  if (c->b[0] == SOUND) {
    uint64_t bits = get_be(c->b + 8, 8); double heard; memcpy(&heard, &bits, 8);
    struct timespec t; clock_gettime(CLOCK_REALTIME, &t);
    count(&c->sound, sequence);
    if (measuring) lat_add(&sound_ages, (t.tv_sec * 1000.0 + t.tv_nsec / 1e6 - heard) * 1000);
  } else if (c->b[0] == FRAME) {
    uint8_t *com = memmem(c->b + HEADER, c->kept - HEADER, COM_MAGIC, 4);
    int whole = com && com + 36 <= c->b + c->kept && get_hex(com + 36, 8) == c->len - HEADER;
    count(&c->frames, sequence);
    if (measuring && !whole) corrupt++;
    if (measuring && whole) lat_add(&frame_ages, (now_ns() - get_hex(com + 20, 16)) / 1000.0);
    char text[100];
    ws_send(c, TEXT, text, sprintf(text, "{\"type\":\"painted\",\"camera\":%u,\"sequence\":%u}", (unsigned)get_be(c->b + 2, 2), sequence));
  }
}
static void feed(cl_t *c, const uint8_t *p, size_t n, const char *listen) {
  while (n && !c->dead) {
    if (c->st == HTTP_HEAD) {
      if (c->n == sizeof c->head - 1) { c->dead = 1; return; }
      c->head[c->n++] = *p++; n--;
      if (c->n < 4 || memcmp(c->head + c->n - 4, "\r\n\r\n", 4)) continue;
      c->head[c->n] = 0;
      if (!strstr(c->head, " 101 ")) { c->dead = 1; fprintf(stderr, "liveload: %.80s\n", c->head); return; }
      c->st = WS_HEAD; c->n = 0; c->opened = 1;
      if (listen) ws_send(c, TEXT, listen, strlen(listen));
    } else if (c->st == WS_HEAD) {
      c->head[c->n++] = *p++; n--;
      int size = c->head[1] & 127, need = c->n < 2 ? 2 : size == 127 ? 10 : size == 126 ? 4 : 2;
      if (c->n < need) continue;
      c->len = c->left = need == 2 ? (uint64_t)size : get_be((uint8_t *)c->head + 2, need - 2);
      c->kept = 0; c->st = WS_BODY;
    } else {
      size_t k = n < c->left ? n : c->left, keep = k < KEPT - c->kept ? k : KEPT - c->kept;
      memcpy(c->b + c->kept, p, keep);
      c->kept += keep; c->left -= k; p += k; n -= k;
    }
    if (c->st == WS_BODY && !c->left) { message(c); c->st = WS_HEAD; c->n = 0; }
  }
}
static uint8_t rb[1 << 16];
static void on_read(cl_t *c, const char *listen) {
  for (int rounds = 0; rounds < 8 && !c->dead; rounds++) {
    // The last byte is read, so that the end of a message is handled in one place.
    int trunc = c->st == WS_BODY && c->kept == KEPT && c->left > 1;
    size_t want = trunc ? c->left - 1 : sizeof rb;
    ssize_t r = recv(c->fd, trunc ? NULL : rb, want, MSG_DONTWAIT | (trunc ? MSG_TRUNC : 0));
    if (r <= 0) { if (r == 0 || (errno != EAGAIN && errno != EINTR)) c->dead = 1; return; }
    if (trunc) c->left -= r; else feed(c, rb, r, listen);
    if (!trunc && r < (ssize_t)want) return;
  }
}
int main(int argc, char **argv) {
  int port = 8080, n = 1, watches = 0, listens = 0, o; double secs = 8, warm = 2; char *camera = "camera";
  while ((o = getopt(argc, argv, "p:n:c:t:w:WL")) > 0) switch (o) {
    case 'p': port = atoi(optarg); break; case 'n': camera = optarg; break; case 'c': n = atoi(optarg); break;
    case 't': secs = atof(optarg); break; case 'w': warm = atof(optarg); break;
    case 'W': watches = 1; break; case 'L': listens = 1; break; default: return 2;
  }
  cl_t *cl = calloc(n, sizeof *cl);
  int ep = epoll_create1(0), on = 1; struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) }; a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  char req[512], text[126], *listen = listens ? text : NULL;
  int rl = snprintf(req, sizeof req, "GET /live?version=3&watch=%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n", watches ? camera : "", port);
  if (snprintf(text, sizeof text, "{\"type\":\"listen\",\"cameras\":[\"%s\"]}", camera) >= (int)sizeof text) return 2;
  for (int i = 0; i < n; i++) {
    cl_t *c = &cl[i];
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(c->fd, SOL_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(c->fd, (void *)&a, sizeof a) || write(c->fd, req, rl) != rl) { perror("connect"); c->dead = 1; continue; }
    epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &(struct epoll_event){ .events = EPOLLIN, .data.u32 = i });
  }
  uint64_t t_meas = now_ns() + warm * 1e9, t_end = t_meas + secs * 1e9;
  struct rusage ru0, ru1; getrusage(RUSAGE_SELF, &ru0);
  for (;;) {
    uint64_t t = now_ns();
    if (!measuring && t >= t_meas) { measuring = 1; t_meas = t; getrusage(RUSAGE_SELF, &ru0); fprintf(stderr, "START\n"); }
    if (t >= t_end) break;
    struct epoll_event ev[64];
    int k = epoll_wait(ep, ev, 64, 50);
    for (int i = 0; i < k; i++) {
      cl_t *c = &cl[ev[i].data.u32];
      on_read(c, listen);
      if (c->dead) epoll_ctl(ep, EPOLL_CTL_DEL, c->fd, NULL);
    }
  }
  double dt = (now_ns() - t_meas) / 1e9; getrusage(RUSAGE_SELF, &ru1);
  fprintf(stderr, "END\n");
  int dead = 0, opened = 0; uint64_t fr = 0, fm = 0, so = 0, sm = 0;
  for (int i = 0; i < n; i++) {
    cl_t *c = &cl[i]; dead += c->dead; opened += c->opened;
    fr += c->frames.count; fm += c->frames.missing; so += c->sound.count; sm += c->sound.missing;
  }
  qsort(frame_ages.v, frame_ages.n, 4, cmp32); qsort(sound_ages.v, sound_ages.n, 4, cmp32);
  double cpu = (ru1.ru_utime.tv_sec + ru1.ru_stime.tv_sec - ru0.ru_utime.tv_sec - ru0.ru_stime.tv_sec) + (ru1.ru_utime.tv_usec + ru1.ru_stime.tv_usec - ru0.ru_utime.tv_usec - ru0.ru_stime.tv_usec) / 1e6;
  printf("{\"clients\":%d,\"answered\":%d,\"dead\":%d,\"seconds\":%.2f,\"frames\":%lu,\"skipped\":%lu,\"corrupt\":%lu,\"lat_p50_ms\":%.2f,\"lat_p99_ms\":%.2f,\"lat_max_ms\":%.2f,"
         "\"packets\":%lu,\"packets_missing\":%lu,\"sound_p50_ms\":%.2f,\"sound_p99_ms\":%.2f,\"client_cpu_pct\":%.1f}\n",
         n, opened, dead, dt, fr, fm, corrupt, pct(&frame_ages, .5), pct(&frame_ages, .99), pct(&frame_ages, 1),
         so, sm, pct(&sound_ages, .5), pct(&sound_ages, .99), cpu / dt * 100);
  return 0;
}
