// SPDX-License-Identifier: Apache-2.0

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

/// One request at a time, on a node of its own.
struct loop {
    char path[PATH_SIZE];
    int64_t started;
    struct tally tally;
};

static enum raw_kind kind;
static zhandle_t *session;
static struct loop *loops;
static const char value[100];

static void request(struct loop *loop);

static void answered(int code, struct loop *loop) {
    check("request", code);
    count_cycle(&loop->tally, now() - loop->started);
    request(loop);
}

static void got_data(int code, const char *data, int length, const struct Stat *stat, const void *loop) {
    answered(code, (struct loop *)loop);
}

static void got_stat(int code, const struct Stat *stat, const void *loop) { answered(code, (struct loop *)loop); }

static void request(struct loop *loop) {
    if (!may_start_cycle()) {
        end_loop();
        return;
    }
    loop->started = now();
    int code = ZOK;
    switch (kind) {
    case RAW_GET: code = zoo_aget(session, loop->path, 0, got_data, loop); break;
    case RAW_EXISTS: code = zoo_aexists(session, loop->path, 0, got_stat, loop); break;
    case RAW_SET: code = zoo_aset(session, loop->path, value, sizeof value, -1, got_stat, loop); break;
    }
    check("request", code);
}

static void begin_loop(int index) { request(&loops[index]); }

void run_raw(enum raw_kind asked) {
    kind = asked;
    session = open_session();
    int count = options.concurrency;
    loops = calloc(count, sizeof *loops);
    const struct tally **tallies = calloc(count, sizeof *tallies);
    for (int i = 0; i < count; i++) {
        snprintf(loops[i].path, PATH_SIZE, "%s/n%d", options.path, i);
        make(session, loops[i].path);
        tallies[i] = &loops[i].tally;
    }
    run_loops(count, begin_loop);
    report(tallies, count, 0, 0);
    zookeeper_close(session);
}
