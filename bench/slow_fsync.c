/* A slow disk: every fsync and fdatasync takes 4 ms longer, as on the card of a Pi.
 * cc -shared -fPIC -o /tmp/slow_fsync.so bench/slow_fsync.c -ldl
 * LD_PRELOAD=/tmp/slow_fsync.so .venv/bin/python -m bench.roundtrip */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
static const struct timespec slow = {0, 4000000};
static int after(const char *name, int descriptor) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    nanosleep(&slow, 0);
    return real(descriptor);
}
int fsync(int descriptor) { return after("fsync", descriptor); }
int fdatasync(int descriptor) { return after("fdatasync", descriptor); }
