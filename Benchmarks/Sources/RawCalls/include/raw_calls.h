// The same calls in plain C, for comparison with the bridge.
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

/// Returns the number of allocations of this process so far; -1 if they are not counted.
long allocation_count(void);

/// Returns the user and system time of this process, in seconds.
double cpu_time(void);

#endif
