import ZooKeeperTesting

/// The rate at which a contender begins operations.
struct Rate: Sendable {
    /// From the beginning of a turn to that of the next, on average. `nil`: the next begins a moment after its end.
    var interval: Duration?

    /// - Parameter began: When the turn began that has just ended.
    func next(after began: ContinuousClock.Instant, _ random: inout SplitMix64) -> ContinuousClock.Instant {
        guard let interval else { return .now + .milliseconds(random.int(5...150)) }
        // Somewhat sooner or later: those that begin together need not stay together.
        return max(.now, began + interval * random.int(50...150) / 100)
    }
}
