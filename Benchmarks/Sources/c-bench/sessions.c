// SPDX-License-Identifier: Apache-2.0

#include "bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

_Atomic int is_over;

void fail(const char *what, int code) {
    fprintf(stderr, "c-bench: %s: %s\n", what, zerror(code));
    exit(1);
}

void check(const char *what, int code) {
    if (code != ZOK && !is_over) fail(what, code);
}

void sleep_milliseconds(double milliseconds) {
    struct timespec time = {.tv_sec = (long)(milliseconds / 1e3)};
    time.tv_nsec = (long)((milliseconds - time.tv_sec * 1e3) * 1e6);
    nanosleep(&time, NULL);
}

struct counter {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int value;
};

struct counter *make_counter(void) {
    struct counter *counter = calloc(1, sizeof *counter);
    pthread_mutex_init(&counter->lock, NULL);
    pthread_cond_init(&counter->changed, NULL);
    return counter;
}

void add(struct counter *counter) {
    pthread_mutex_lock(&counter->lock);
    counter->value++;
    pthread_cond_signal(&counter->changed);
    pthread_mutex_unlock(&counter->lock);
}

void take(struct counter *counter, int amount) {
    pthread_mutex_lock(&counter->lock);
    while (counter->value < amount) pthread_cond_wait(&counter->changed, &counter->lock);
    counter->value -= amount;
    pthread_mutex_unlock(&counter->lock);
}

static void got_event(zhandle_t *session, int type, int state, const char *path, void *connected) {
    if (type != ZOO_SESSION_EVENT) return;
    if (state == ZOO_CONNECTED_STATE) add(connected);
    if (state == ZOO_EXPIRED_SESSION_STATE) fail("session", ZSESSIONEXPIRED);
}

zhandle_t *open_session(void) {
    struct counter *connected = make_counter();
    zhandle_t *session = zookeeper_init(options.connect, got_event, 30000, NULL, connected, 0);
    if (!session) fail("zookeeper_init", ZSYSTEMERROR);
    // By default the C client resolves the names of the servers again with every request, which costs more than the rest.
    zoo_set_servers_resolution_delay(session, -1);
    take(connected, 1);
    return session;
}

static void created(int code, const char *path, const void *done) {
    if (code != ZNODEEXISTS) check("create", code);
    add((struct counter *)done);
}

void make(zhandle_t *session, const char *path) {
    struct counter *done = make_counter();
    char part[PATH_SIZE];
    for (size_t length = 1; path[length - 1]; length++) {
        if (path[length] && path[length] != '/') continue;
        snprintf(part, sizeof part, "%.*s", (int)length, path);
        check("create", zoo_acreate(session, part, "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, created, done));
        take(done, 1);
    }
    free(done);
}

struct listing {
    struct counter *done;
    int count;
};

static void listed(int code, const struct String_vector *names, const void *context) {
    struct listing *listing = (struct listing *)context;
    check("get_children", code);
    listing->count = names->count;
    add(listing->done);
}

void wait_for_queue(zhandle_t *session, int length, int poll_milliseconds, int settle_milliseconds) {
    struct listing listing = {make_counter(), 0};
    for (;;) {
        check("get_children", zoo_aget_children(session, options.path, 0, listed, &listing));
        take(listing.done, 1);
        if (listing.count >= length) break;
        sleep_milliseconds(poll_milliseconds);
    }
    free(listing.done);
    sleep_milliseconds(settle_milliseconds);
}
