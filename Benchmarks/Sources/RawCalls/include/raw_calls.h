// The same calls as plain C would make them: what the bridge is compared with.
#ifndef RAW_CALLS_H
#define RAW_CALLS_H

enum raw_operation { RAW_EXISTS, RAW_GET, RAW_SET };

struct raw_result {
    double seconds;
    double cpu_seconds;
    long allocations;
};

/// Makes `count` calls, `window` of them under way at a time; each is issued when one before it has been answered.
/// With a window of 1, the calling thread waits for each answer.
struct raw_result raw_calls(enum raw_operation operation, long count, int window);

/// How often this process has allocated memory; -1 if nobody counts.
long allocation_count(void);

/// User and system time of this process in seconds.
double cpu_time(void);

#endif
