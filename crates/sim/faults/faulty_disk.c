/* A disk that fails on order: preloaded into the program under test (LD_PRELOAD), it stands between the program and libc.
 *
 * The file named by FAULTY_DISK is the order, mapped into every process that reads it and changed by the test while they run:
 * which calls fail, how many in a thousand, and for files whose path contains what. Every failing call is counted there.
 *
 * It also kills the program at an exact step: before or after its Nth call of a kind on such files. Where the path does not tell
 * the step, the content does: only files that `content` was written into while a kill was ordered count. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SYNC_FAILS = 1, WRITE_FAILS = 2, WRITE_IS_SHORT = 4, DISK_IS_FULL = 8, RENAME_FAILS = 16, WRITE_IS_TORN = 32 };

/* Steps to be killed at. */
enum { AT_WRITE = 1, AT_SYNC = 2, AT_RENAME = 4, AT_UNLINK = 8 };

struct order {
  _Atomic uint32_t calls;        /* bits of the enum */
  _Atomic uint32_t per_thousand; /* how many of the calls */
  _Atomic uint64_t hits;         /* calls that failed so far */
  _Atomic uint32_t steps;        /* bits of the steps, 0 kills nothing */
  _Atomic uint32_t after;        /* whether the call is done before the program dies */
  _Atomic int64_t countdown;     /* how many such calls, the last one deadly */
  char part[96];                 /* files whose path contains this */
  char content[64];              /* and that this was written into */
};

static struct order *order;

__attribute__((constructor)) static void map_order(void) {
  const char *path = getenv("FAULTY_DISK");
  if (!path) return;
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *at = mmap(NULL, sizeof(struct order), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at != MAP_FAILED) order = at;
  close(fd);
}

static int chance(uint32_t per_thousand) {
  static _Atomic uint64_t state = 88172645463325252ull;
  uint64_t x = atomic_fetch_add(&state, 0x9E3779B97F4A7C15ull);
  x ^= x >> 30; x *= 0xBF58476D1CE4E5B9ull; x ^= x >> 27; x *= 0x94D049BB133111EBull; x ^= x >> 31;
  return x % 1000 < per_thousand;
}

static int strikes_path(uint32_t call, const char *path) {
  if (!order || !(atomic_load(&order->calls) & call)) return 0;
  if (!strstr(path, order->part) || !chance(atomic_load(&order->per_thousand))) return 0;
  atomic_fetch_add(&order->hits, 1);
  return 1;
}

/* Files only, and not the log that the test reads. */
static int path_of(int fd, char *path, size_t n) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, n - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return path[0] == '/' && !strstr(path, ".log") && strncmp(path, "/dev", 4) && strncmp(path, "/proc", 5);
}

static int strikes(uint32_t call, int fd) {
  if (!order || !(atomic_load(&order->calls) & call)) return 0;
  char path[4096];
  return path_of(fd, path, sizeof path) && strikes_path(call, path);
}

/* Files that `content` was written into, by path: the newest few. */
static char marked[16][4096];
static _Atomic uint32_t marks;

static void mark(const char *path, const void *buf, size_t n) {
  if (!order || !atomic_load(&order->steps) || !order->content[0] || !strstr(path, order->part)) return;
  if (memmem(buf, n, order->content, strlen(order->content)))
    snprintf(marked[atomic_fetch_add(&marks, 1) % 16], sizeof marked[0], "%s", path);
}

static int is_marked(const char *path) {
  if (!order->content[0]) return 1;
  for (int i = 0; i < 16; i++)
    if (marked[i][0] && !strcmp(marked[i], path)) return 1;
  return 0;
}

/* Whether the program dies at this call: 1 before it, 2 after it. `from` is what the content was written into. */
static int deadly(uint32_t step, const char *path, const char *from) {
  if (!order || !(atomic_load(&order->steps) & step) || !strstr(path, order->part) || !is_marked(from)) return 0;
  if (atomic_fetch_sub(&order->countdown, 1) != 1) return 0;
  return atomic_load(&order->after) ? 2 : 1;
}

static void die(void) { kill(getpid(), SIGKILL); for (;;) pause(); }

static int deadly_fd(uint32_t step, int fd, const void *buf, size_t n) {
  if (!order || !atomic_load(&order->steps)) return 0;
  char path[4096];
  if (!path_of(fd, path, sizeof path)) return 0;
  if (buf) mark(path, buf, n);
  return deadly(step, path, path);
}

#define REAL(name) \
  static __typeof__(name) *real; \
  if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
#define FAIL(code) do { errno = (code); return -1; } while (0)

/* Does `call`, and dies before or after it when that is the order. */
#define STEP(type, at, call) do { \
  int deadly_here = (at); \
  if (deadly_here == 1) die(); \
  type result = (call); \
  if (deadly_here == 2) die(); \
  return result; } while (0)

#define WRITES(at, whole, half) \
  if (strikes(WRITE_FAILS, fd)) FAIL(EIO); \
  if (strikes(DISK_IS_FULL, fd)) FAIL(ENOSPC); \
  if (n > 1 && strikes(WRITE_IS_SHORT, fd)) return half; \
  if (n > 1 && strikes(WRITE_IS_TORN, fd)) { (void)!(half); FAIL(EIO); } \
  STEP(ssize_t, at, whole)

ssize_t write(int fd, const void *buf, size_t n) { REAL(write); WRITES(deadly_fd(AT_WRITE, fd, buf, n), real(fd, buf, n), real(fd, buf, n / 2)); }
ssize_t pwrite(int fd, const void *buf, size_t n, off_t at) { REAL(pwrite); WRITES(deadly_fd(AT_WRITE, fd, buf, n), real(fd, buf, n, at), real(fd, buf, n / 2, at)); }
ssize_t pwrite64(int fd, const void *buf, size_t n, off64_t at) { REAL(pwrite64); WRITES(deadly_fd(AT_WRITE, fd, buf, n), real(fd, buf, n, at), real(fd, buf, n / 2, at)); }
ssize_t writev(int fd, const struct iovec *io, int n) {
  REAL(writev);
  WRITES(deadly_fd(AT_WRITE, fd, n > 0 ? io[0].iov_base : NULL, n > 0 ? io[0].iov_len : 0), real(fd, io, n), real(fd, io, n / 2));
}
int fsync(int fd) { REAL(fsync); if (strikes(SYNC_FAILS, fd)) FAIL(EIO); STEP(int, deadly_fd(AT_SYNC, fd, NULL, 0), real(fd)); }
int fdatasync(int fd) { REAL(fdatasync); if (strikes(SYNC_FAILS, fd)) FAIL(EIO); STEP(int, deadly_fd(AT_SYNC, fd, NULL, 0), real(fd)); }
int rename(const char *from, const char *to) { REAL(rename); if (strikes_path(RENAME_FAILS, to)) FAIL(EIO); STEP(int, deadly(AT_RENAME, to, from), real(from, to)); }
int link(const char *from, const char *to) { REAL(link); if (strikes_path(RENAME_FAILS, to)) FAIL(EIO); STEP(int, deadly(AT_RENAME, to, from), real(from, to)); }
int linkat(int fd, const char *from, int fd2, const char *to, int flags) { REAL(linkat); if (strikes_path(RENAME_FAILS, to)) FAIL(EIO); STEP(int, deadly(AT_RENAME, to, from), real(fd, from, fd2, to, flags)); }
int unlink(const char *path) { REAL(unlink); STEP(int, deadly(AT_UNLINK, path, path), real(path)); }
int unlinkat(int fd, const char *path, int flags) { REAL(unlinkat); STEP(int, deadly(AT_UNLINK, path, path), real(fd, path, flags)); }
