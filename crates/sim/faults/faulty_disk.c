/* A disk that fails on order: preloaded into the program under test (LD_PRELOAD), it stands between the program and libc.
 *
 * The file named by FAULTY_DISK is the order, mapped into every process that reads it and changed by the test while they run:
 * which calls fail, how many in a thousand, and for files whose path contains what. Every failing call is counted there. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SYNC_FAILS = 1, WRITE_FAILS = 2, WRITE_IS_SHORT = 4, DISK_IS_FULL = 8, RENAME_FAILS = 16, WRITE_IS_TORN = 32 };

struct order {
  _Atomic uint32_t calls;        /* bits of the enum */
  _Atomic uint32_t per_thousand; /* how many of the calls */
  _Atomic uint64_t hits;         /* calls that failed so far */
  char part[112];                /* files whose path contains this */
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

static int strikes(uint32_t call, int fd) {
  if (!order || !(atomic_load(&order->calls) & call)) return 0;
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (n < 0) return 0;
  path[n] = 0;
  /* Files only, and not the log that the test reads. */
  if (path[0] != '/' || strstr(path, ".log") || !strncmp(path, "/dev", 4) || !strncmp(path, "/proc", 5)) return 0;
  return strikes_path(call, path);
}

#define REAL(name) \
  static __typeof__(name) *real; \
  if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
#define FAIL(code) do { errno = (code); return -1; } while (0)

#define WRITES(whole, half) \
  if (strikes(WRITE_FAILS, fd)) FAIL(EIO); \
  if (strikes(DISK_IS_FULL, fd)) FAIL(ENOSPC); \
  if (n > 1 && strikes(WRITE_IS_SHORT, fd)) return half; \
  if (n > 1 && strikes(WRITE_IS_TORN, fd)) { (void)!(half); FAIL(EIO); } \
  return whole

ssize_t write(int fd, const void *buf, size_t n) { REAL(write); WRITES(real(fd, buf, n), real(fd, buf, n / 2)); }
ssize_t pwrite(int fd, const void *buf, size_t n, off_t at) { REAL(pwrite); WRITES(real(fd, buf, n, at), real(fd, buf, n / 2, at)); }
ssize_t pwrite64(int fd, const void *buf, size_t n, off64_t at) { REAL(pwrite64); WRITES(real(fd, buf, n, at), real(fd, buf, n / 2, at)); }
ssize_t writev(int fd, const struct iovec *io, int n) { REAL(writev); WRITES(real(fd, io, n), real(fd, io, n / 2)); }
int fsync(int fd) { REAL(fsync); if (strikes(SYNC_FAILS, fd)) FAIL(EIO); return real(fd); }
int fdatasync(int fd) { REAL(fdatasync); if (strikes(SYNC_FAILS, fd)) FAIL(EIO); return real(fd); }
int rename(const char *from, const char *to) { REAL(rename); if (strikes_path(RENAME_FAILS, to)) FAIL(EIO); return real(from, to); }
int link(const char *from, const char *to) { REAL(link); if (strikes_path(RENAME_FAILS, to)) FAIL(EIO); return real(from, to); }
int linkat(int fd, const char *from, int fd2, const char *to, int flags) { REAL(linkat); if (strikes_path(RENAME_FAILS, to)) FAIL(EIO); return real(fd, from, fd2, to, flags); }
