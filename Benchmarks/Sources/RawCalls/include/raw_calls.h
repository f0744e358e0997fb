// SPDX-License-Identifier: Apache-2.0

// The same calls in plain C, for comparison with the bridge.
#ifndef RAW_CALLS_H
#define RAW_CALLS_H

enum raw_operation { RAW_EXISTS, RAW_GET, RAW_SET };

struct raw_result {
    double seconds;
    double cpu_seconds;
    long allocations;
};

/// Makes `count` calls, of which it issues `window` at a time and waits for them all; chained, it issues each of the others
/// when one before it has been answered, in the callback.
struct raw_result raw_calls(enum raw_operation operation, long count, int window, int chained);

/// Keeps this process on the processor on which it is: the calling thread, and the threads that it starts later.
void use_one_processor(void);

/// Returns the number of allocations of this process so far; -1 if they are not counted.
long allocation_count(void);

/// Returns the user and system time of this process, in seconds.
double cpu_time(void);

#endif
