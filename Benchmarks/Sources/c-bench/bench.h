// SPDX-License-Identifier: Apache-2.0

// The same workloads as peer-bench in plain C: what the bindings and the recipes are compared with.
//
// Everything runs in the callbacks of the C client, so no thread is woken that the C client does not wake itself, and
// nothing is checked that a benchmark can do without: an unexpected answer ends the program.
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>

#define THREADED
#include <zookeeper/zookeeper.h>

enum { PATH_SIZE = 256 };

struct options {
    const char *connect, *workload, *path;
    int clients, concurrency;
    double seconds, warmup;
};
extern struct options options;

// MARK: measurement.c

/// The cycles of one loop, and their latencies.
struct tally {
    long cycles, count, room;
    int64_t *nanoseconds;
};

int64_t now(void);
void begin_measurement(void);
void end_measurement(void);
int is_measuring(void);
/// Returns whether a loop may begin another cycle.
int may_start_cycle(void);
/// The same for a workload of whole rounds, of which at least one is measured; begins the measured time when the warm-up
/// is over.
int may_start_round(void);
/// Counts a cycle that ends now, if this is in the measured time; the first hand-off has no latency, which is 0 then.
void count_cycle(struct tally *tally, int64_t latency);
/// Runs as many loops at once through warm-up and measured time. Each calls `end_loop` when it may start no more cycles.
void run_loops(int count, void (*begin)(int index));
void end_loop(void);
/// Prints the result; `nanoseconds` is the measured time, or 0 for that from beginning to end.
void report(const struct tally *const *tallies, int count, int64_t nanoseconds, int violations);

// MARK: sessions.c

/// Set when answers do not matter any more.
extern _Atomic int is_over;

void fail(const char *what, int code) __attribute__((noreturn));
/// Ends the program if a call was not accepted, or if what it asked for has failed.
void check(const char *what, int code);
zhandle_t *open_session(void);
/// Creates a node and its parents.
void make(zhandle_t *session, const char *path);
/// Waits until `length` contenders are in the queue and watch their predecessors, as peer-bench does.
void wait_for_queue(zhandle_t *session, int length, int poll_milliseconds, int settle_milliseconds);
void sleep_milliseconds(double milliseconds);

/// A number that one thread waits for.
struct counter;
struct counter *make_counter(void);
void add(struct counter *counter);
/// Waits until the number is at least `amount`, and subtracts it.
void take(struct counter *counter, int amount);

// MARK: lock.c

/// One contender for a lock: an ephemeral sequential node in a directory.
struct contender {
    zhandle_t *session;
    const char *directory;
    /// The names that block this one have it in them.
    const char *blockers;
    char prefix[PATH_SIZE], node[PATH_SIZE];
    void (*granted)(struct contender *), (*released)(struct contender *);
    int64_t started;
    struct tally tally;
};

struct contender make_contender(zhandle_t *session, const char *directory, int index, int reads);
void acquire(struct contender *contender);
void release_lock(struct contender *contender);

// MARK: the workloads

enum raw_kind { RAW_GET, RAW_EXISTS, RAW_SET };

void run_raw(enum raw_kind kind);
void run_free_locks(int count, int reads);
void run_handoffs(void);
void run_herd(void);
void run_election(void);

#endif
