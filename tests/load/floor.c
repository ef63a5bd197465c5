// floor: a minimal server in C that only sends: the baseline. It keeps the stamped frames in memory, is driven
// by a timer, and writes each frame to every viewer that has received the previous one. One thread, epoll, one
// send per frame and viewer (header, JPEG and delimiter together); latest frame wins. A single fixed HTTP response.
//   floor PORT HEIGHT FPS        frames: $FAKECAM_DIR/<height>.mjpeg
#define _GNU_SOURCE
#include "frames.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#define VIEWERS 4096
#define TAIL "\r\n--frame\r\n"
static const char HEAD[] = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n"
  "Connection: close\r\n\r\n--frame\r\n";

// A copy of a frame with its part header and delimiter. Kept while it is being sent to a viewer.
typedef struct { uint8_t *bytes; size_t len; int users; } part_t;
typedef struct { int fd, asked; part_t *part; size_t sent; uint64_t seen; } viewer_t;
static viewer_t viewers[VIEWERS];
static int n_viewers, ep;
static part_t *latest; static uint64_t latest_seq;

static void release(part_t *p) { if (p && !--p->users) { free(p->bytes); free(p); } }
static void gone(viewer_t *v) { close(v->fd); release(v->part); v->part = NULL; v->fd = -1; }
static void serve(viewer_t *v) {
  for (;;) {
    if (!v->part) {
      if (!latest || v->seen == latest_seq) return;
      v->part = latest; v->part->users++; v->sent = 0; v->seen = latest_seq;
    }
    ssize_t n = send(v->fd, v->part->bytes + v->sent, v->part->len - v->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) { if (errno != EAGAIN && errno != EINTR) gone(v); return; }
    if ((v->sent += n) < v->part->len) return;
    release(v->part); v->part = NULL;
  }
}
int main(int argc, char **argv) {
  if (argc < 4) return 2;
  signal(SIGPIPE, SIG_IGN);
  char path[512]; const char *dir = getenv("FAKECAM_DIR");
  snprintf(path, sizeof path, "%s/%s.mjpeg", dir ? dir : "frames", argv[2]);
  frameset_t set;
  if (frames_load(&set, path)) { fprintf(stderr, "floor: no frames in %s\n", path); return 1; }
  int ls = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])) };
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(ls, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(ls, (void *)&a, sizeof a) || listen(ls, 4096)) { perror("floor"); return 1; }
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK); long step = 1e9 / atof(argv[3]);
  struct itimerspec every = { { step / 1000000000, step % 1000000000 }, { 0, step } };
  timerfd_settime(timer, 0, &every, NULL);
  ep = epoll_create1(0);
  epoll_ctl(ep, EPOLL_CTL_ADD, ls, &(struct epoll_event){ .events = EPOLLIN, .data.u64 = VIEWERS });
  epoll_ctl(ep, EPOLL_CTL_ADD, timer, &(struct epoll_event){ .events = EPOLLIN, .data.u64 = VIEWERS + 1 });
  for (;;) {
    struct epoll_event ev[256];
    int k = epoll_wait(ep, ev, 256, -1);
    for (int i = 0; i < k; i++) {
      if (ev[i].data.u64 == VIEWERS) {
        for (int fd; (fd = accept4(ls, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
          if (n_viewers == VIEWERS) { close(fd); continue; }
          viewers[n_viewers] = (viewer_t){ .fd = fd };
          setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
          epoll_ctl(ep, EPOLL_CTL_ADD, fd, &(struct epoll_event){ .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u64 = n_viewers++ });
        }
      } else if (ev[i].data.u64 == VIEWERS + 1) {
        uint64_t ticks;
        if (read(timer, &ticks, 8) != 8) continue;
        latest_seq += ticks;
        frame_t *f = &set.f[latest_seq % set.n];
        frame_stamp(f->data, latest_seq, now_ns());
        char head[128];
        int hl = sprintf(head, "Content-Type: image/jpeg\r\nContent-Length: %zu\r\n\r\n", f->len);
        part_t *p = malloc(sizeof *p);
        *p = (part_t){ malloc(hl + f->len + strlen(TAIL)), hl + f->len + strlen(TAIL), 1 };
        memcpy(p->bytes, head, hl); memcpy(p->bytes + hl, f->data, f->len); memcpy(p->bytes + hl + f->len, TAIL, strlen(TAIL));
        release(latest); latest = p;
        for (int j = 0; j < n_viewers; j++) if (viewers[j].fd >= 0 && viewers[j].asked && !viewers[j].part) serve(&viewers[j]);
      } else {
        viewer_t *v = &viewers[ev[i].data.u64];
        if (v->fd < 0) continue;
        if (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
          char request[4096]; ssize_t n = recv(v->fd, request, sizeof request, 0);
          if (n == 0 || (n < 0 && errno != EAGAIN)) { gone(v); continue; }
          if (n > 0 && !v->asked) { v->asked = 1; if (send(v->fd, HEAD, sizeof HEAD - 1, MSG_NOSIGNAL) < 0) { gone(v); continue; } }
        }
        if (v->asked) serve(v);
      }
    }
  }
}
