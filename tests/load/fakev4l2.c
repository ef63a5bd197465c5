// fakev4l2.so: a V4L2 camera for other programs, by LD_PRELOAD. It needs no kernel module.
//   LD_PRELOAD=./fakev4l2.so FAKECAM_DIR=frames ustreamer --device /dev/video0 --format MJPEG --encoder HW
// /dev/video0 delivers the stamped frames of $FAKECAM_DIR/<height>.mjpeg as MJPEG at the requested size and
// rate, which is at most $FPS (30): some programs request the highest rate of the camera. As with a real camera, frames are written to memory that the program maps and queues: one memcpy per
// frame, by a thread called "fakecam"; a frame is dropped if no buffer is queued.
#define _GNU_SOURCE
#include "frames.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define DEVICE "/dev/video0"
#define BUFFERS 32

static struct {
  int fd, bell, streaming, count; // fd: the read end of a pipe with one byte per filled buffer
  unsigned width, height, fps;
  size_t size;
  frameset_t set;
  uint8_t *memory[BUFFERS];
  struct v4l2_buffer done[BUFFERS]; // filled buffers, oldest first
  int queued[BUFFERS], n_queued, n_done;
  pthread_t thread;
  pthread_mutex_t lock;
} cam = { .fd = -1, .width = 1280, .height = 720, .fps = 30, .lock = PTHREAD_MUTEX_INITIALIZER };

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void *deliver(void *unused) {
  (void)unused;
  prctl(PR_SET_NAME, "fakecam");
  uint64_t t0 = now_ns(), step = 1000000000ull / cam.fps;
  for (uint64_t tick = 0;; tick++) {
    uint64_t due = t0 + tick * step, now = now_ns();
    if (now > due + step) tick = (now - t0) / step + 1, due = t0 + tick * step;
    struct timespec ts = { due / 1000000000ull, due % 1000000000ull };
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR) {}
    pthread_mutex_lock(&cam.lock);
    if (!cam.streaming) { pthread_mutex_unlock(&cam.lock); return NULL; }
    if (cam.n_queued) {
      int index = cam.queued[0];
      memmove(cam.queued, cam.queued + 1, --cam.n_queued * sizeof *cam.queued);
      frame_t *f = &cam.set.f[tick % cam.set.n];
      uint64_t stamp = now_ns();
      frame_stamp(f->data, tick, stamp);
      memcpy(cam.memory[index], f->data, f->len);
      cam.done[cam.n_done++] = (struct v4l2_buffer){
        .index = index, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP,
        .bytesused = f->len, .length = cam.size, .field = V4L2_FIELD_NONE, .sequence = tick,
        .flags = V4L2_BUF_FLAG_MAPPED | V4L2_BUF_FLAG_DONE | V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC,
        .timestamp = { stamp / 1000000000ull, stamp % 1000000000ull / 1000 },
      };
      if (write(cam.bell, "", 1) != 1) perror("fakev4l2");
    }
    pthread_mutex_unlock(&cam.lock);
  }
}

static int load(void) {
  char path[512];
  const char *dir = getenv("FAKECAM_DIR");
  snprintf(path, sizeof path, "%s/%u.mjpeg", dir ? dir : "frames", cam.height);
  if (frames_load(&cam.set, path)) { fprintf(stderr, "fakev4l2: no frames in %s\n", path); return -1; }
  cam.size = (cam.set.max + 4095) & ~4095ul;
  return 0;
}

static int fail(int error) { errno = error; return -1; }

static unsigned highest_rate(void) {
  const char *fps = getenv("FPS");
  int rate = fps ? atoi(fps) : 0;
  return rate > 0 ? rate : 30;
}

static void format(struct v4l2_pix_format *pix) {
  *pix = (struct v4l2_pix_format){ .width = cam.width, .height = cam.height, .pixelformat = V4L2_PIX_FMT_MJPEG,
    .field = V4L2_FIELD_NONE, .sizeimage = cam.size, .colorspace = V4L2_COLORSPACE_JPEG };
}

static int camera_ioctl(unsigned long request, void *arg) {
  switch (request) {
  case VIDIOC_QUERYCAP: {
    struct v4l2_capability *c = arg;
    memset(c, 0, sizeof *c);
    strcpy((char *)c->driver, "fakev4l2"); strcpy((char *)c->card, "fakev4l2"); strcpy((char *)c->bus_info, "preload");
    c->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
    c->capabilities = c->device_caps | V4L2_CAP_DEVICE_CAPS;
    return 0;
  }
  case VIDIOC_S_INPUT: return 0;
  case VIDIOC_G_INPUT: *(int *)arg = 0; return 0;
  case VIDIOC_ENUMINPUT: {
    struct v4l2_input *i = arg;
    if (i->index) return fail(EINVAL);
    i->type = V4L2_INPUT_TYPE_CAMERA; strcpy((char *)i->name, "fake");
    return 0;
  }
  case VIDIOC_ENUM_FMT: {
    struct v4l2_fmtdesc *d = arg;
    if (d->index) return fail(EINVAL);
    d->flags = V4L2_FMT_FLAG_COMPRESSED; d->pixelformat = V4L2_PIX_FMT_MJPEG; strcpy((char *)d->description, "Motion-JPEG");
    return 0;
  }
  case VIDIOC_S_FMT: {
    struct v4l2_format *f = arg;
    cam.width = f->fmt.pix.width; cam.height = f->fmt.pix.height;
    if (load()) return fail(EINVAL);
    format(&f->fmt.pix);
    return 0;
  }
  case VIDIOC_G_FMT:
  case VIDIOC_TRY_FMT: format(&((struct v4l2_format *)arg)->fmt.pix); return 0;
  case VIDIOC_S_PARM: {
    struct v4l2_captureparm *p = &((struct v4l2_streamparm *)arg)->parm.capture;
    struct v4l2_fract *interval = &p->timeperframe;
    unsigned requested = interval->numerator ? interval->denominator / interval->numerator : 0, highest = highest_rate();
    if (requested) cam.fps = requested < highest ? requested : highest;
    p->capability = V4L2_CAP_TIMEPERFRAME; *interval = (struct v4l2_fract){ 1, cam.fps };
    return 0;
  }
  case VIDIOC_G_PARM: {
    struct v4l2_captureparm *p = &((struct v4l2_streamparm *)arg)->parm.capture;
    p->capability = V4L2_CAP_TIMEPERFRAME; p->timeperframe = (struct v4l2_fract){ 1, cam.fps };
    return 0;
  }
  case VIDIOC_REQBUFS: {
    struct v4l2_requestbuffers *r = arg;
    if (r->memory != V4L2_MEMORY_MMAP || (!cam.set.n && load())) return fail(EINVAL);
    if (r->count > BUFFERS) r->count = BUFFERS;
    cam.count = r->count; cam.n_queued = cam.n_done = 0;
    return 0;
  }
  case VIDIOC_QUERYBUF: {
    struct v4l2_buffer *b = arg;
    if ((int)b->index >= cam.count) return fail(EINVAL);
    b->length = cam.size; b->m.offset = b->index * 4096; b->flags = 0; // the program passes this offset to mmap
    return 0;
  }
  case VIDIOC_QBUF: {
    struct v4l2_buffer *b = arg;
    if ((int)b->index >= cam.count) return fail(EINVAL);
    cam.queued[cam.n_queued++] = b->index;
    return 0;
  }
  case VIDIOC_DQBUF: {
    char one;
    if (!cam.n_done || read(cam.fd, &one, 1) != 1) return fail(EAGAIN);
    *(struct v4l2_buffer *)arg = cam.done[0];
    memmove(cam.done, cam.done + 1, --cam.n_done * sizeof *cam.done);
    return 0;
  }
  case VIDIOC_STREAMON:
    if (!cam.streaming) { cam.streaming = 1; return pthread_create(&cam.thread, NULL, deliver, NULL); }
    return 0;
  case VIDIOC_STREAMOFF: cam.streaming = 0; return 0;
  default: return fail(EINVAL);
  }
}

static int open_camera(const char *path) {
  int ends[2];
  if (strcmp(path, DEVICE) || pipe2(ends, O_NONBLOCK | O_CLOEXEC)) return -1;
  cam.bell = ends[1];
  return cam.fd = ends[0];
}
int open(const char *path, int flags, ...) {
  va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, int); va_end(rest);
  int fd = open_camera(path);
  return fd >= 0 ? fd : REAL(open)(path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, int); va_end(rest);
  int fd = open_camera(path);
  return fd >= 0 ? fd : REAL(open64)(path, flags, mode);
}
int access(const char *path, int mode) {
  return strcmp(path, DEVICE) ? REAL(access)(path, mode) : 0;
}
int ioctl(int fd, unsigned long request, ...) {
  va_list rest; va_start(rest, request); void *arg = va_arg(rest, void *); va_end(rest);
  if (fd < 0 || fd != cam.fd) return REAL(ioctl)(fd, request, arg);
  pthread_mutex_lock(&cam.lock);
  int result = camera_ioctl((unsigned)request, arg), error = errno;
  pthread_mutex_unlock(&cam.lock);
  errno = error;
  return result;
}
static void *map(int fd, off_t offset) {
  if (fd < 0 || fd != cam.fd) return NULL;
  size_t index = offset / 4096;
  if (index >= BUFFERS) return NULL;
  return cam.memory[index] = mmap(NULL, cam.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset) {
  void *memory = map(fd, offset);
  return memory ? memory : REAL(mmap)(at, length, protection, flags, fd, offset);
}
void *mmap64(void *at, size_t length, int protection, int flags, int fd, off64_t offset) {
  void *memory = map(fd, offset);
  return memory ? memory : REAL(mmap64)(at, length, protection, flags, fd, offset);
}
int close(int fd) {
  if (fd >= 0 && fd == cam.fd) {
    pthread_mutex_lock(&cam.lock); cam.streaming = 0; cam.fd = -1; REAL(close)(cam.bell); pthread_mutex_unlock(&cam.lock);
  }
  return REAL(close)(fd);
}
