// SPDX-License-Identifier: Apache-2.0

#include "bench.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static struct contender *contenders;

static void report_all(int count, int64_t nanoseconds, int violations) {
    const struct tally **tallies = calloc(count, sizeof *tallies);
    for (int i = 0; i < count; i++) tallies[i] = &contenders[i].tally;
    report(tallies, count, nanoseconds, violations);
}

// MARK: Free locks

static void begin_cycle(struct contender *contender) {
    if (!may_start_cycle()) {
        end_loop();
        return;
    }
    contender->started = now();
    acquire(contender);
}

static void begin_loop(int index) { begin_cycle(&contenders[index]); }

static void end_cycle(struct contender *contender) {
    count_cycle(&contender->tally, now() - contender->started);
    begin_cycle(contender);
}

void run_free_locks(int count, int reads) {
    zhandle_t *session = open_session();
    contenders = calloc(count, sizeof *contenders);
    for (int i = 0; i < count; i++) {
        char *directory = malloc(PATH_SIZE);
        snprintf(directory, PATH_SIZE, count > 1 ? "%s/%d" : "%s", options.path, i);
        make(session, directory);
        contenders[i] = make_contender(session, directory, i, reads);
        contenders[i].granted = release_lock;
        contenders[i].released = end_cycle;
    }
    run_loops(count, begin_loop);
    report_all(count, 0, 0);
    zookeeper_close(session);
}

// MARK: Contended locks

// The holders are counted independently of the lock.
static _Atomic int holders, overlaps;
static _Atomic int64_t released_at;

static void hand_off(struct contender *contender) {
    int64_t since = released_at;
    if (atomic_fetch_add(&holders, 1)) overlaps++;
    count_cycle(&contender->tally, since ? now() - since : 0);
    atomic_fetch_sub(&holders, 1);
    released_at = now();
    release_lock(contender);
}

/// Makes `count` contenders for one lock, spread over the sessions.
static zhandle_t **make_contenders(int count, void (*released)(struct contender *)) {
    zhandle_t **sessions = calloc(options.clients, sizeof *sessions);
    for (int i = 0; i < options.clients; i++) sessions[i] = open_session();
    make(sessions[0], options.path);
    contenders = calloc(count, sizeof *contenders);
    for (int i = 0; i < count; i++) {
        contenders[i] = make_contender(sessions[i % options.clients], options.path, i, 0);
        contenders[i].granted = hand_off;
        contenders[i].released = released;
    }
    return sessions;
}

static void close_all(zhandle_t **sessions) {
    for (int i = 0; i < options.clients; i++) zookeeper_close(sessions[i]);
}

void run_handoffs(void) {
    zhandle_t **sessions = make_contenders(options.clients, begin_cycle);
    run_loops(options.clients, begin_loop);
    report_all(options.clients, 0, overlaps);
    close_all(sessions);
}

// MARK: A herd

static struct counter *granted, *released;

static void add_granted(struct contender *contender) { add(granted); }
static void add_released(struct contender *contender) { add(released); }

/// Lets one contender hold the lock and all others queue; then it releases the lock, and the queue drains. Only the drains
/// are measured.
void run_herd(void) {
    int count = options.concurrency;
    granted = make_counter();
    released = make_counter();
    zhandle_t **sessions = make_contenders(count, add_released);
    struct contender holder = make_contender(sessions[0], options.path, count, 0);
    holder.granted = add_granted;
    holder.released = add_released;
    int64_t drained = 0;
    while (may_start_round()) {
        acquire(&holder);
        take(granted, 1);
        for (int i = 0; i < count; i++) acquire(&contenders[i]);
        wait_for_queue(sessions[0], count + 1, 20, 300);
        int64_t start = now();
        released_at = start;
        release_lock(&holder);
        take(released, count + 1);
        if (is_measuring()) drained += now() - start;
    }
    end_measurement();
    report_all(count, drained, overlaps);
    close_all(sessions);
}
