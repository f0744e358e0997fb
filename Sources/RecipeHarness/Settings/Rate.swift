// SPDX-License-Identifier: Apache-2.0

import ZooKeeperTesting

/// The rate at which a contender invokes operations.
struct Rate: Sendable {
    /// The time from the beginning of one operation to that of the next, on average; `nil`: the next begins up to 150
    /// ms after the end of the one before.
    var interval: Duration?

    /// Returns the time at which the next operation begins.
    ///
    /// - Parameter began: The time at which the operation that has just ended began.
    func next(after began: ContinuousClock.Instant, _ random: inout SplitMix64) -> ContinuousClock.Instant {
        guard let interval else { return .now + .milliseconds(random.int(5...150)) }
        // Varied by half, so that contenders that begin together do not stay together.
        return max(.now, began + interval * random.int(50...150) / 100)
    }
}
