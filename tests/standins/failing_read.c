// Stands in for a disk that fails: of the file FAILING_FILE, nothing from byte FAILING_FROM on can
// be read. Loaded by LD_PRELOAD.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

ssize_t read(int file, void *buffer, size_t size) {
    static ssize_t (*really)(int, void *, size_t);
    if (!really) really = (ssize_t (*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
    const char *path = getenv("FAILING_FILE"), *from = getenv("FAILING_FROM");
    struct stat failing, opened;
    if (path && from && !stat(path, &failing) && !fstat(file, &opened) &&
        failing.st_ino == opened.st_ino && failing.st_dev == opened.st_dev) {
        off_t good = atoll(from) - lseek(file, 0, SEEK_CUR);
        if (good <= 0) {
            errno = EIO;
            return -1;
        }
        if ((off_t)size > good) size = good;
    }
    return really(file, buffer, size);
}
