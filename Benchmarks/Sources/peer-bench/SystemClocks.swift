// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Returns the time on the monotonic clock, in nanoseconds.
func monotonicNanoseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// The resources that the whole process has used.
struct ProcessUsage: Sendable {
    /// The processor time of its own code, in microseconds.
    var user: Int64 = 0
    /// The processor time of the system on its behalf, in microseconds.
    var system: Int64 = 0
    /// The number of context switches, voluntary or not.
    var switches: Int64 = 0

    /// Returns the usage so far.
    static func soFar() -> ProcessUsage {
        var usage = rusage()
        #if canImport(Glibc)
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        #else
        getrusage(RUSAGE_SELF, &usage)
        #endif
        func microseconds(_ time: timeval) -> Int64 { Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_usec) }
        return ProcessUsage(
            user: microseconds(usage.ru_utime), system: microseconds(usage.ru_stime),
            switches: Int64(usage.ru_nvcsw + usage.ru_nivcsw))
    }

    static func - (later: ProcessUsage, earlier: ProcessUsage) -> ProcessUsage {
        ProcessUsage(
            user: later.user - earlier.user, system: later.system - earlier.system,
            switches: later.switches - earlier.switches)
    }
}
