// SPDX-License-Identifier: Apache-2.0

#if Tracing
import Tracing
#endif

/// The metrics and spans of one lock, or of one side of a read/write lock, or of one election.
package struct LockInstruments: Sendable {
    private let name: String?
    private let recipe: RecipeName
    private let path: ZNodePath
    private let metrics: LockMetrics?
    private let tracer: TracingBackend?

    init(
        _ name: String?, _ recipe: RecipeName, at path: ZNodePath, metrics: LockMetrics?, tracer: TracingBackend?
    ) {
        self.name = name
        self.recipe = recipe
        self.path = path
        self.metrics = metrics
        self.tracer = tracer
    }

    /// Begins an acquisition, with a span that is a child of the current task's.
    package func beginAcquisition() -> MeasuredAcquisition { MeasuredAcquisition(self, beginSpan()) }

    private func beginSpan() -> ActiveSpan? {
        #if Tracing
        guard let tracer else { return nil }
        let name: SpanName = recipe == .election ? .electionAcquire : .lockAcquire
        let span = tracer.startSpan(name.rawValue, ofKind: .internal)
        span.updateAttributes { attributes in
            attributes[SpanAttributeName.path.rawValue] = path.string
            attributes[SpanAttributeName.recipe.rawValue] = recipe.rawValue
            if let lockName = self.name { attributes[SpanAttributeName.lockName.rawValue] = lockName }
        }
        return ActiveSpan(span)
        #else
        return nil
        #endif
    }

    fileprivate func ended(_ result: String, after nanoseconds: Int64) {
        #if Metrics
        metrics?.ended(result, after: nanoseconds)
        #endif
    }

    /// Records the number of participants in the way of one that has just joined.
    package func joined(behind count: Int) {
        #if Metrics
        metrics?.joined(behind: count)
        #endif
    }

    /// Takes in that a hold begins.
    package func holdBegan() {
        #if Metrics
        metrics?.holdBegan()
        #endif
    }

    /// Takes in that a hold has ended.
    ///
    /// - Parameters:
    ///   - cause: The cause of the loss, as a label; `nil` if it was released.
    ///   - begin: The moment at which it was granted.
    package func holdEnded(_ cause: String?, since begin: Moment) {
        #if Metrics
        metrics?.holdEnded(cause, after: Moment.now.nanoseconds &- begin.nanoseconds)
        #endif
    }
}

/// An acquisition under way, over as many sessions as it takes. It ends once.
package struct MeasuredAcquisition: Sendable {
    private let instruments: LockInstruments
    private let beganAt = Moment.now
    /// The span that those of its requests are children of.
    package let span: ActiveSpan?

    fileprivate init(_ instruments: LockInstruments, _ span: ActiveSpan?) {
        self.instruments = instruments
        self.span = span
    }

    /// It has the lock.
    package func granted(_ token: @autoclosure () -> String) {
        span?.set(.fencingToken, to: token())
        end(MetricValue.granted)
    }

    /// It does not wait, and another participant was there.
    package func wasBusy() { end(MetricValue.busy) }

    /// It has failed.
    ///
    /// - Parameters:
    ///   - code: The error's code: the result.
    ///   - message: The error in words.
    package func failed(_ error: any Error, _ code: String, _ message: @autoclosure () -> String) {
        instruments.ended(code, after: Moment.now.nanoseconds &- beganAt.nanoseconds)
        guard let span else { return }
        span.set(.result, to: code)
        span.end(with: error, kind: code, message: message())
    }

    private func end(_ result: String) {
        instruments.ended(result, after: Moment.now.nanoseconds &- beganAt.nanoseconds)
        span?.set(.result, to: result)
        span?.end()
    }
}
