// SPDX-License-Identifier: Apache-2.0

#include "raw_calls.h"

#include <dlfcn.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <time.h>

#define THREADED
#include <zookeeper/zookeeper.h>

long allocation_count(void) {
    static long (*count)(void);
    if (!count) count = (long (*)(void))dlsym(RTLD_DEFAULT, "stub_allocations");
    return count ? count() : -1;
}

void use_one_processor(void) {
#ifdef __linux__
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
#endif
}

double cpu_time(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static _Atomic long answered;
static long to_issue;
static int is_chained;
static enum raw_operation operation;
static zhandle_t *handle;
static _Atomic long is_connected;
static char buffer[100];

static void got_stat(int code, const struct Stat *stat, const void *data);
static void got_data(int code, const char *value, int length, const struct Stat *stat, const void *data);

static void issue(void) {
    switch (operation) {
    case RAW_EXISTS: zoo_awexists(handle, "/node", NULL, NULL, got_stat, NULL); break;
    case RAW_GET: zoo_awget(handle, "/node", NULL, NULL, got_data, NULL); break;
    case RAW_SET: zoo_aset(handle, "/node", buffer, sizeof buffer, -1, got_stat, NULL); break;
    }
}

static void got_answer(void) {
    if (is_chained && to_issue > 0) {
        to_issue--;
        issue();
    }
    atomic_fetch_add_explicit(&answered, 1, memory_order_release);
}

static void got_stat(int code, const struct Stat *stat, const void *data) { got_answer(); }

static void got_data(int code, const char *value, int length, const struct Stat *stat, const void *data) {
    got_answer();
}

static void watch(zhandle_t *zh, int type, int state, const char *path, void *context) {
    if (type == ZOO_SESSION_EVENT && state == ZOO_CONNECTED_STATE) atomic_store(&is_connected, 1);
}

// Does not sleep, but lets other threads run when it has waited for long: then the one that is to answer is not running.
static void wait_for(_Atomic long *number, long least) {
    for (unsigned spins = 1; atomic_load_explicit(number, memory_order_acquire) < least; spins++)
        if (spins % 10000 == 0) sched_yield();
}

struct raw_result raw_calls(enum raw_operation asked, long count, int window, int chained) {
    operation = asked;
    atomic_store(&is_connected, 0);
    handle = zookeeper_init2("127.0.0.1:1", watch, 30000, NULL, NULL, 0, NULL);
    wait_for(&is_connected, 1);
    atomic_store(&answered, 0);
    is_chained = chained;
    to_issue = count - window;
    long allocations = allocation_count();
    double cpu = cpu_time();
    double start = now();
    for (long issued = 0; issued < count;) {
        for (int i = 0; i < window; i++) issue();
        issued = chained ? count : issued + window;
        wait_for(&answered, issued);
    }
    struct raw_result result = {now() - start, cpu_time() - cpu, allocation_count() - allocations};
    zookeeper_close(handle);
    return result;
}
