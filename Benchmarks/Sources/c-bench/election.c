// SPDX-License-Identifier: Apache-2.0

#include "bench.h"

#include <stdlib.h>

static struct contender *candidates;
static struct counter *elections;
static _Atomic int leader;
static _Atomic int64_t elected_at;

static void elected(struct contender *candidate) {
    elected_at = now();
    leader = (int)(candidate - candidates);
    add(elections);
}

static void join(int index) {
    candidates[index] = make_contender(open_session(), options.path, index, 0);
    candidates[index].granted = elected;
    acquire(&candidates[index]);
}

/// Closes the leader's session again and again, and lets a new candidate join when another one leads. The latency is that
/// from the close to the notice of the new leader.
void run_election(void) {
    zhandle_t *admin = open_session();
    struct tally tally = {0};
    const struct tally *const tallies[] = {&tally};
    make(admin, options.path);
    elections = make_counter();
    candidates = calloc(options.clients, sizeof *candidates);
    for (int i = 0; i < options.clients; i++) join(i);
    take(elections, 1);
    while (may_start_round()) {
        wait_for_queue(admin, options.clients, 2, 10);
        int old = leader;
        int64_t start = now();
        zookeeper_close(candidates[old].session);
        take(elections, 1);
        count_cycle(&tally, elected_at - start);
        join(old);
    }
    end_measurement();
    report(tallies, 1, 0, 0);
    is_over = 1;
    for (int i = 0; i < options.clients; i++) zookeeper_close(candidates[i].session);
    zookeeper_close(admin);
}
