// SPDX-License-Identifier: Apache-2.0

#if Metrics
import CoreMetrics
import Synchronization

/// The metrics of a client. Its objects are made once, those of failures when they first occur.
final class ClientMetrics: Sendable {
    private struct Failure: Hashable {
        let operation: OperationName
        let code: ZooKeeperError.Code
    }

    private struct LockKey: Hashable {
        let name: String
        let recipe: RecipeName
    }

    private let factory: any MetricsFactory
    /// One for each operation of ``OperationName/measured``.
    private let succeeded: [Counter]
    private let durations: [Timer]
    private let failed = Mutex<[Failure: Counter]>([:])
    private let connected: Meter
    private let watches: Meter
    private let sessionsLost = Mutex<[String: Counter]>([:])
    private let locks = Mutex<[LockKey: LockMetrics]>([:])

    init(_ factory: any MetricsFactory) {
        self.factory = factory
        succeeded = OperationName.measured.map { factory.counter(.requests, $0.name, MetricValue.ok) }
        durations = OperationName.measured.map { factory.timer(.requestDuration, $0.name) }
        connected = factory.meter(.sessionConnected)
        watches = factory.meter(.watches)
    }

    /// Counts a request that is finished.
    ///
    /// - Parameter nanoseconds: The time since its caller asked for it.
    func finished(_ operation: OperationName, _ error: ZooKeeperError.Code?, after nanoseconds: Int64) {
        guard durations.indices.contains(operation.rawValue) else { return }
        durations[operation.rawValue].recordNanoseconds(nanoseconds)
        guard let error else { return succeeded[operation.rawValue].increment(by: Int64(1)) }
        let counter = failed.withLock { [factory] counters in
            let key = Failure(operation: operation, code: error)
            if let counter = counters[key] { return counter }
            let counter = factory.counter(.requests, operation.name, error.description)
            counters[key] = counter
            return counter
        }
        counter.increment(by: Int64(1))
    }

    func sessionConnected() { connected.increment() }

    func sessionDisconnected() { connected.decrement() }

    func sessionLost(_ reason: String) {
        let counter = sessionsLost.withLock { [factory] counters in
            if let counter = counters[reason] { return counter }
            let counter = factory.counter(.sessionsLost, reason)
            counters[reason] = counter
            return counter
        }
        counter.increment(by: Int64(1))
    }

    /// So many watches more are set; fewer, if it is negative.
    func watchesChanged(by difference: Int) {
        if difference > 0 { watches.increment(by: Double(difference)) }
        if difference < 0 { watches.decrement(by: Double(-difference)) }
    }

    /// The metrics of the locks with this name.
    func lock(_ name: String, _ recipe: RecipeName) -> LockMetrics {
        locks.withLock { [factory] locks in
            let key = LockKey(name: name, recipe: recipe)
            if let metrics = locks[key] { return metrics }
            let metrics = LockMetrics(factory, name, recipe)
            locks[key] = metrics
            return metrics
        }
    }
}

extension MetricsFactory {
    private func dimensions(_ name: MetricName, _ values: [String]) -> [(String, String)] {
        zip(name.labels, values).map { ($0.rawValue, $1) }
    }

    /// - Parameter values: Those of the labels, in their order.
    func counter(_ name: MetricName, _ values: String...) -> Counter {
        Counter(label: name.rawValue, dimensions: dimensions(name, values), factory: self)
    }

    func timer(_ name: MetricName, _ values: String...) -> Timer {
        Timer(label: name.rawValue, dimensions: dimensions(name, values), factory: self)
    }

    func meter(_ name: MetricName, _ values: String...) -> Meter {
        Meter(label: name.rawValue, dimensions: dimensions(name, values), factory: self)
    }

    func recorder(_ name: MetricName, _ values: String...) -> Recorder {
        Recorder(label: name.rawValue, dimensions: dimensions(name, values), aggregate: true, factory: self)
    }
}
#endif
