// SPDX-License-Identifier: Apache-2.0

import CZooKeeper

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The clock by which people live. It may jump; nothing is decided by it.
enum WallClock {
    /// The milliseconds since 1970.
    static var milliseconds: Int64 {
        var time = timespec()
        // The pointer lives for the call only.
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
