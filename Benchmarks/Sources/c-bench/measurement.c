// SPDX-License-Identifier: Apache-2.0

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

struct usage {
    int64_t at;
    long user, system, switches;
};

static enum { WARM_UP, MEASURING, OVER } _Atomic phase;
static struct usage begun, ended;
static struct counter *ended_loops;

int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static struct usage usage(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (struct usage){
        now(),
        used.ru_utime.tv_sec * 1000000L + used.ru_utime.tv_usec,
        used.ru_stime.tv_sec * 1000000L + used.ru_stime.tv_usec,
        used.ru_nvcsw + used.ru_nivcsw,
    };
}

void begin_measurement(void) {
    begun = usage();
    phase = MEASURING;
}

void end_measurement(void) {
    phase = OVER;
    ended = usage();
}

int is_measuring(void) { return phase == MEASURING; }

int may_start_cycle(void) { return phase != OVER; }

int may_start_round(void) {
    static int64_t first;
    if (!first) first = now();
    if (is_measuring() && now() - begun.at >= options.seconds * 1e9) return 0;
    if (phase == WARM_UP && now() - first >= options.warmup * 1e9) begin_measurement();
    return 1;
}

void count_cycle(struct tally *tally, int64_t latency) {
    if (!is_measuring()) return;
    tally->cycles++;
    if (!latency) return;
    if (tally->count == tally->room) {
        tally->room = tally->room ? tally->room * 2 : 1024;
        tally->nanoseconds = realloc(tally->nanoseconds, tally->room * sizeof *tally->nanoseconds);
    }
    tally->nanoseconds[tally->count++] = latency;
}

void run_loops(int count, void (*begin)(int index)) {
    ended_loops = make_counter();
    for (int i = 0; i < count; i++) begin(i);
    sleep_milliseconds(options.warmup * 1e3);
    begin_measurement();
    sleep_milliseconds(options.seconds * 1e3);
    end_measurement();
    take(ended_loops, count);
}

void end_loop(void) { add(ended_loops); }

static int ascending(const void *one, const void *other) {
    int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;
    return (a > b) - (a < b);
}

void report(const struct tally *const *tallies, int count, int64_t nanoseconds, int violations) {
    long cycles = 0, samples = 0;
    for (int i = 0; i < count; i++) {
        cycles += tallies[i]->cycles;
        samples += tallies[i]->count;
    }
    int64_t *all = calloc(samples + 1, sizeof *all);
    long length = 0;
    for (int i = 0; i < count; i++) {
        if (tallies[i]->count) memcpy(all + length, tallies[i]->nanoseconds, tallies[i]->count * sizeof *all);
        length += tallies[i]->count;
    }
    qsort(all, samples, sizeof *all, ascending);
    long user = ended.user - begun.user, system = ended.system - begun.system;
    printf("{\"peer\": \"c\", \"workload\": \"%s\", \"ops\": %ld, \"seconds\": %.6f, \"p50_us\": %.1f, "
           "\"p99_us\": %.1f, \"max_us\": %.1f, \"cpu_us\": %ld, \"user_us\": %ld, \"system_us\": %ld, "
           "\"switches\": %ld, \"violations\": %d}\n",
           options.workload, cycles, (nanoseconds ? nanoseconds : ended.at - begun.at) / 1e9, all[samples / 2] / 1e3,
           all[samples * 99 / 100] / 1e3, all[samples ? samples - 1 : 0] / 1e3, user + system, user, system,
           ended.switches - begun.switches, violations);
    free(all);
    if (violations) exit(1);
}
