// SPDX-License-Identifier: Apache-2.0

/// The pause before the next attempt: doubling, with a random part so that a fleet does not come back at once.
public struct Backoff: Sendable, Hashable {
    /// The wait before the second attempt.
    public var initial: Duration
    /// The longest wait.
    public var maximum: Duration

    /// - Parameters:
    ///   - initial: The wait before the second attempt; more than zero.
    ///   - maximum: The longest wait; not less than `initial`.
    public init(initial: Duration = .milliseconds(100), maximum: Duration = .seconds(10)) {
        self.initial = initial
        self.maximum = maximum
    }

    /// The wait before attempt `attempt` (the first is 0 and waits for nothing): between half and all of
    /// `initial * 2^(attempt - 1)`, at most `maximum`.
    package func delay(beforeAttempt attempt: Int) -> Duration {
        guard attempt > 0 else { return .zero }
        let full = min(initial * Double(sign: .plus, exponent: min(attempt - 1, 30), significand: 1), maximum)
        return full * Double.random(in: 0.5...1)
    }

    /// Waits for as long as ``delay(beforeAttempt:)`` says, or until the task is cancelled.
    package func pause(beforeAttempt attempt: Int, isolation: isolated (any Actor)? = #isolation) async {
        await Promise<Void>().wait(until: .now + delay(beforeAttempt: attempt), isolation: isolation)
    }
}
