/* A stand-in for NVIDIA's driver, libcuda.so.1: device memory is host memory.
 *
 * Work that is put on a stream is kept back until the stream is synchronised, so that a program
 * which does not wait reads what was there before, as it may on a GPU. Counts what is alive and
 * what was copied; `fake_fail` makes the next call of a function fail.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, INVALID_VALUE = 1, NO_DEVICE = 100, INVALID_CONTEXT = 201, NOT_FOUND = 500 };

typedef struct { long contexts, pushed, buffers, pinned, streams, to_device, to_host, kernels; } Counts;
typedef struct Work {
    void *to; const void *from; size_t bytes;
    void (*function)(void *); void *argument;
    struct Work *next;
} Work;
typedef struct { Work *first, *last; } Stream;

static Counts counts;
static size_t used; /* bytes on the GPU; each allocation begins with its size */
enum { HEADER = 64, TOTAL = 1 << 30 };
static int devices = 1, fail_code, fail_skip;
static char fail_function[64];
static __thread int depth;

Counts *fake_counts(void) { return &counts; }
void fake_reset(int device_count) { memset(&counts, 0, sizeof counts); devices = device_count; fail_code = 0; }
void fake_fail(const char *function, int code, int skip) {
    snprintf(fail_function, sizeof fail_function, "%s", function);
    fail_code = code; fail_skip = skip;
}

static int failure(const char *function) {
    if (!fail_code || strcmp(function, fail_function) || fail_skip-- > 0) return OK;
    int code = fail_code;
    fail_code = 0;
    return code;
}
#define ENTER() do { int code = failure(__func__); if (code) return code; } while (0)
#define ENTER_CONTEXT() do { ENTER(); if (!depth) return INVALID_CONTEXT; } while (0)

int cuInit(unsigned flags) { ENTER(); return devices ? OK : NO_DEVICE; }
int cuDriverGetVersion(int *version) { *version = 13000; return OK; }
int cuDeviceGetCount(int *count) { *count = devices; return OK; }
int cuDeviceGet(int *device, int ordinal) { ENTER(); *device = ordinal; return ordinal < devices ? OK : NO_DEVICE; }
int cuDeviceGetName(char *name, int length, int device) { snprintf(name, length, "Fake GPU"); return OK; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    *value = attribute == 75 ? 8 : attribute == 76 ? 7 : 0;
    return OK;
}
int cuGetErrorString(int code, const char **text) {
    *text = code == 2 ? "out of memory" : code == NO_DEVICE ? "no CUDA-capable device is detected"
        : code == 719 ? "unspecified launch failure" : "a failure of the stand-in";
    return OK;
}
int cuGetErrorName(int code, const char **text) { *text = "CUDA_ERROR"; return OK; }

int cuDevicePrimaryCtxRetain(void **context, int device) { ENTER(); counts.contexts++; *context = &counts; return OK; }
int cuDevicePrimaryCtxRelease_v2(int device) { ENTER(); counts.contexts--; return OK; }
int cuCtxPushCurrent_v2(void *context) { ENTER(); depth++; counts.pushed++; return OK; }
int cuCtxPopCurrent_v2(void **context) { if (!depth) return INVALID_CONTEXT; depth--; counts.pushed--; if (context) *context = &counts; return OK; }
int cuCtxGetCurrent(void **context) { *context = depth ? &counts : NULL; return OK; }

int cuMemAlloc_v2(uint64_t *address, size_t bytes) {
    ENTER_CONTEXT();
    char *memory = malloc(bytes + HEADER);
    *(size_t *)memory = bytes; used += bytes;
    memset(memory + HEADER, 0xA5, bytes);
    *address = (uint64_t)(memory + HEADER); counts.buffers++;
    return OK;
}
int cuMemFree_v2(uint64_t address) {
    ENTER_CONTEXT();
    char *memory = (char *)address - HEADER;
    used -= *(size_t *)memory; counts.buffers--;
    free(memory);
    return OK;
}
int cuMemGetInfo_v2(size_t *free_bytes, size_t *total) { ENTER_CONTEXT(); *total = TOTAL; *free_bytes = TOTAL - used; return OK; }
int cuMemHostAlloc(void **memory, size_t bytes, unsigned flags) {
    ENTER_CONTEXT();
    *memory = malloc(bytes); counts.pinned++;
    return OK;
}
int cuMemFreeHost(void *memory) { ENTER_CONTEXT(); free(memory); counts.pinned--; return OK; }

static int enqueue(Stream *stream, Work work) {
    Work *kept = malloc(sizeof *kept);
    *kept = work; kept->next = NULL;
    if (stream->last) stream->last->next = kept; else stream->first = kept;
    stream->last = kept;
    return OK;
}
int cuStreamCreate(Stream **stream, unsigned flags) { ENTER_CONTEXT(); *stream = calloc(1, sizeof **stream); counts.streams++; return OK; }
int cuStreamSynchronize(Stream *stream) {
    ENTER_CONTEXT();
    while (stream->first) {
        Work *work = stream->first;
        if (work->function) work->function(work->argument); else memcpy(work->to, work->from, work->bytes);
        stream->first = work->next;
        free(work);
    }
    stream->last = NULL;
    return OK;
}
int cuStreamDestroy_v2(Stream *stream) {
    ENTER_CONTEXT();
    if (stream->first) return INVALID_VALUE;
    free(stream); counts.streams--;
    return OK;
}
int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, Stream *stream) {
    ENTER_CONTEXT(); counts.to_device++;
    return enqueue(stream, (Work){.to = (void *)to, .from = from, .bytes = bytes});
}
int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, Stream *stream) {
    ENTER_CONTEXT(); counts.to_host++;
    return enqueue(stream, (Work){.to = to, .from = (void *)from, .bytes = bytes});
}
int cuLaunchHostFunc(Stream *stream, void (*function)(void *), void *argument) {
    ENTER_CONTEXT(); counts.kernels++;
    return enqueue(stream, (Work){.function = function, .argument = argument});
}

/* cuda-python looks its functions up here, by their names without a version. */
int cuGetProcAddress_v2(const char *name, void **function, int version, uint64_t flags, int *status) {
    char versioned[96];
    Dl_info own;
    dladdr((void *)cuInit, &own);
    void *self = dlopen(own.dli_fname, RTLD_NOW | RTLD_NOLOAD);
    snprintf(versioned, sizeof versioned, "%s_v2", name);
    *function = dlsym(self, versioned);
    if (!*function) *function = dlsym(self, name);
    dlclose(self);
    if (status) *status = *function ? 0 : 1;
    return *function ? OK : NOT_FOUND;
}
int cuGetProcAddress(const char *name, void **function, int version, uint64_t flags) {
    return cuGetProcAddress_v2(name, function, version, flags, NULL);
}
