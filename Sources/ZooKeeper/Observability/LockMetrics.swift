// SPDX-License-Identifier: Apache-2.0

#if Metrics
import CoreMetrics
import Synchronization

/// The metrics of all locks with one name, of one client and one recipe.
final class LockMetrics: Sendable {
    private struct End {
        let count: Counter
        let wait: Timer
    }

    private let factory: any MetricsFactory
    private let name: String
    private let recipe: RecipeName
    private let granted: End
    private let held: Timer
    private let ahead: Recorder
    /// The number of terms that go on now; for elections only.
    private let leading: Meter?
    private let failed = Mutex<[String: End]>([:])
    private let lost = Mutex<[String: Counter]>([:])

    init(_ factory: any MetricsFactory, _ name: String, _ recipe: RecipeName) {
        self.factory = factory
        self.name = name
        self.recipe = recipe
        granted = Self.end(MetricValue.granted, factory, name, recipe)
        held = factory.timer(.lockHeld, name, recipe.rawValue)
        ahead = factory.recorder(.lockAhead, name, recipe.rawValue)
        leading = recipe == .election ? factory.meter(.electionLeading, name) : nil
    }

    private static func end(
        _ result: String, _ factory: any MetricsFactory, _ name: String, _ recipe: RecipeName
    ) -> End {
        End(
            count: factory.counter(.lockAcquisitions, name, recipe.rawValue, result),
            wait: factory.timer(.lockWait, name, recipe.rawValue, result))
    }

    /// Counts an acquisition that has ended.
    func ended(_ result: String, after nanoseconds: Int64) {
        let end =
            result == MetricValue.granted
            ? granted
            : failed.withLock { [factory, name, recipe] ends in
                if let end = ends[result] { return end }
                let end = Self.end(result, factory, name, recipe)
                ends[result] = end
                return end
            }
        end.count.increment(by: Int64(1))
        end.wait.recordNanoseconds(nanoseconds)
    }

    /// Records the number of participants in the way of one that has just joined.
    func joined(behind count: Int) { ahead.record(Int64(count)) }

    func holdBegan() { leading?.increment() }

    /// - Parameter cause: The cause of the loss; `nil` if it was released.
    func holdEnded(_ cause: String?, after nanoseconds: Int64) {
        leading?.decrement()
        held.recordNanoseconds(nanoseconds)
        guard let cause else { return }
        let counter = lost.withLock { [factory, name, recipe] counters in
            if let counter = counters[cause] { return counter }
            let counter = factory.counter(.lockLost, name, recipe.rawValue, cause)
            counters[cause] = counter
            return counter
        }
        counter.increment(by: Int64(1))
    }
}
#endif
