// SPDX-License-Identifier: Apache-2.0

// A libzookeeper_mt that does nothing but call back, and a malloc that counts. Preloaded in place of the real ones, they
// reduce the cost of a call to that of the bridge to the library and back.
//
// As with the real library, calls return at once and completions come in order from one thread of the library's own.
// That thread never sleeps while calls are under way, so that no wake-up of a thread is part of the measurement; with
// none, it polls a thousand times a second. It lets other threads run only when it has waited for long: then the one that
// it waits for is not running.

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADED
#include <zookeeper/zookeeper.h>

// The values of ZOO_SESSION_EVENT and ZOO_CONNECTED_STATE, which are variables of the real library.
enum { SESSION_EVENT = -1, CONNECTED_STATE = 3 };

// MARK: Counting allocations

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static _Atomic long allocations;

long stub_allocations(void) { return atomic_load_explicit(&allocations, memory_order_relaxed); }

static void count(void) { atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed); }

void *malloc(size_t size) {
    count();
    return __libc_malloc(size);
}
void *calloc(size_t number, size_t size) {
    count();
    return __libc_calloc(number, size);
}
void *realloc(void *old, size_t size) {
    if (!old) count();
    return __libc_realloc(old, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}
int posix_memalign(void **result, size_t alignment, size_t size) {
    count();
    *result = __libc_memalign(alignment, size);
    return *result ? 0 : 12;
}

// MARK: Calls and their completions

enum kind { STAT, DATA, CHILDREN, CREATED, DONE, STRING };

struct call {
    enum kind kind;
    const void *completion;
    const void *data;
};

enum { CAPACITY = 1 << 15, SPINS = 10000 };

struct stub {
    struct call calls[CAPACITY];
    _Atomic unsigned long issued, completed;
    pthread_mutex_t lock;
    pthread_t thread;
    _Atomic int is_closed;
    watcher_fn watcher;
    void *context;
    clientid_t id;
    int timeout;
};

static char value[100];
static char *names[10] = {"node-00", "node-01", "node-02", "node-03", "node-04",
                          "node-05", "node-06", "node-07", "node-08", "node-09"};

static void complete(const struct call *call) {
    static struct Stat stat = {.czxid = 1, .mzxid = 2, .version = 3, .dataLength = sizeof value};
    static struct String_vector children = {10, names};
    switch (call->kind) {
    case STAT: ((stat_completion_t)call->completion)(ZOK, &stat, call->data); break;
    case DATA: ((data_completion_t)call->completion)(ZOK, value, sizeof value, &stat, call->data); break;
    case CHILDREN: ((strings_stat_completion_t)call->completion)(ZOK, &children, &stat, call->data); break;
    case CREATED: ((string_stat_completion_t)call->completion)(ZOK, "/node-0000000007", &stat, call->data); break;
    case DONE: ((void_completion_t)call->completion)(ZOK, call->data); break;
    case STRING: ((string_completion_t)call->completion)(ZOK, "/", call->data); break;
    }
}

static void *run(void *argument) {
    struct stub *stub = argument;
    stub->watcher((zhandle_t *)stub, SESSION_EVENT, CONNECTED_STATE, "", stub->context);
    unsigned long completed = 0;
    unsigned idle = 0;
    while (!atomic_load_explicit(&stub->is_closed, memory_order_relaxed)) {
        if (atomic_load_explicit(&stub->issued, memory_order_acquire) == completed) {
            if (++idle > 1000000) usleep(1000);
            else if (idle % SPINS == 0) sched_yield();
            continue;
        }
        idle = 0;
        complete(&stub->calls[completed % CAPACITY]);
        atomic_store_explicit(&stub->completed, ++completed, memory_order_release);
    }
    return NULL;
}

static int issue(zhandle_t *handle, enum kind kind, const void *completion, const void *data) {
    struct stub *stub = (struct stub *)handle;
    // The real library has a lock here too.
    pthread_mutex_lock(&stub->lock);
    unsigned long issued = atomic_load_explicit(&stub->issued, memory_order_relaxed);
    while (issued - atomic_load_explicit(&stub->completed, memory_order_acquire) >= CAPACITY) {
    }
    stub->calls[issued % CAPACITY] = (struct call){kind, completion, data};
    atomic_store_explicit(&stub->issued, issued + 1, memory_order_release);
    pthread_mutex_unlock(&stub->lock);
    return ZOK;
}

// MARK: The library's functions

zhandle_t *zookeeper_init2(const char *host, watcher_fn watcher, int timeout, const clientid_t *id, void *context,
                           int flags, log_callback_fn log) {
    struct stub *stub = calloc(1, sizeof *stub);
    stub->watcher = watcher;
    stub->context = context;
    stub->id.client_id = 1;
    stub->timeout = timeout;
    pthread_mutex_init(&stub->lock, NULL);
    pthread_create(&stub->thread, NULL, run, stub);
    return (zhandle_t *)stub;
}

zhandle_t *zookeeper_init(const char *host, watcher_fn watcher, int timeout, const clientid_t *id, void *context,
                          int flags) {
    return zookeeper_init2(host, watcher, timeout, id, context, flags, NULL);
}

int zookeeper_close(zhandle_t *handle) {
    struct stub *stub = (struct stub *)handle;
    atomic_store(&stub->is_closed, 1);
    pthread_join(stub->thread, NULL);
    free(stub);
    return ZOK;
}

const clientid_t *zoo_client_id(zhandle_t *handle) { return &((struct stub *)handle)->id; }
int zoo_recv_timeout(zhandle_t *handle) { return ((struct stub *)handle)->timeout; }
int zoo_state(zhandle_t *handle) { return CONNECTED_STATE; }
void zoo_set_debug_level(ZooLogLevel level) {}
int zoo_set_servers_resolution_delay(zhandle_t *handle, int delay) { return ZOK; }

int zoo_awexists(zhandle_t *handle, const char *path, watcher_fn watcher, void *context, stat_completion_t completion,
                 const void *data) {
    return issue(handle, STAT, completion, data);
}
int zoo_awget(zhandle_t *handle, const char *path, watcher_fn watcher, void *context, data_completion_t completion,
              const void *data) {
    return issue(handle, DATA, completion, data);
}
int zoo_awget_children2(zhandle_t *handle, const char *path, watcher_fn watcher, void *context,
                        strings_stat_completion_t completion, const void *data) {
    return issue(handle, CHILDREN, completion, data);
}
int zoo_aset(zhandle_t *handle, const char *path, const char *buffer, int length, int version,
             stat_completion_t completion, const void *data) {
    return issue(handle, STAT, completion, data);
}
int zoo_acreate2(zhandle_t *handle, const char *path, const char *buffer, int length, const struct ACL_vector *acl,
                 int mode, string_stat_completion_t completion, const void *data) {
    return issue(handle, CREATED, completion, data);
}
int zoo_adelete(zhandle_t *handle, const char *path, int version, void_completion_t completion, const void *data) {
    return issue(handle, DONE, completion, data);
}
int zoo_async(zhandle_t *handle, const char *path, string_completion_t completion, const void *data) {
    return issue(handle, STRING, completion, data);
}
