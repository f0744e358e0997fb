// SPDX-License-Identifier: Apache-2.0

#if Metrics
import CoreMetrics
#endif
#if Tracing
import Tracing
#endif

/// The metrics and spans of one client. There are none unless a backend takes them in: then the client has no value of this
/// type, and everything that is measured costs it a look at a `nil`.
package final class Instruments: Sendable {
    private let metrics: ClientMetrics?
    private let tracer: TracingBackend?

    /// Fails if no backend takes anything in.
    ///
    /// - Parameters:
    ///   - backend: The metrics backend; `nil`: that of the process.
    ///   - tracer: The tracer; `nil`: that of the process.
    package init?(metrics backend: MetricsBackend?, tracer: TracingBackend?) {
        metrics = Self.recording(backend)
        self.tracer = Self.recording(tracer)
        if metrics == nil, self.tracer == nil { return nil }
    }

    #if Metrics
    private static func recording(_ backend: MetricsBackend?) -> ClientMetrics? {
        let backend = backend ?? MetricsSystem.factory
        return backend is NOOPMetricsHandler ? nil : ClientMetrics(backend)
    }
    #endif

    #if Tracing
    private static func recording(_ tracer: TracingBackend?) -> TracingBackend? {
        let tracer = tracer ?? InstrumentationSystem.tracer
        return tracer is NoOpTracer ? nil : tracer
    }
    #endif

    #if !Metrics || !Tracing
    private static func recording(_ backend: Never?) -> Never? { nil }
    #endif

    // MARK: Requests

    /// Begins the span of a request.
    ///
    /// - Parameter server: The server that it will go to, if that is known.
    func begin(_ request: Request, _ parent: TraceParent, to server: @autoclosure () -> ServerAddress?) -> ActiveSpan? {
        #if Tracing
        guard let tracer, let context = parent.context else { return nil }
        let span = tracer.startSpan(request.action.name, context: context, ofKind: .client)
        span.describe(request, to: server())
        return ActiveSpan(span)
        #else
        return nil
        #endif
    }

    /// Takes in that a request is finished.
    ///
    /// - Parameter submittedAt: The moment at which its caller asked for it.
    func finished(_ operation: OperationName, _ error: ZooKeeperError?, submittedAt: Moment, _ span: ActiveSpan?) {
        #if Metrics
        metrics?.finished(
            operation, error?.code, after: Moment.now.nanoseconds &- submittedAt.nanoseconds)
        #endif
        span?.end(with: error, kind: error?.code.description, message: error?.message)
    }

    /// Takes in that a request has not been made, because there was no session for it.
    ///
    /// - Parameter askedAt: The moment at which its caller began to wait for one.
    func failed(_ request: Request, _ error: ZooKeeperError, askedAt: Moment) {
        finished(request.action.operation, error, submittedAt: askedAt, span(of: request, since: askedAt))
    }

    /// Begins the span of a request late.
    private func span(of request: Request, since askedAt: Moment) -> ActiveSpan? {
        #if Tracing
        guard let tracer else { return nil }
        let waited = UInt64(max(Moment.now.nanoseconds &- askedAt.nanoseconds, 0))
        let begin = DefaultTracerClock.Timestamp(
            nanosecondsSinceEpoch: DefaultTracerClock.now.nanosecondsSinceEpoch - waited)
        let span = tracer.startSpan(request.action.name, ofKind: .client, at: begin)
        span.describe(request, to: nil)
        return ActiveSpan(span)
        #else
        return nil
        #endif
    }

    // MARK: Sessions

    func sessionConnected() {
        #if Metrics
        metrics?.sessionConnected()
        #endif
    }

    func sessionDisconnected() {
        #if Metrics
        metrics?.sessionDisconnected()
        #endif
    }

    func sessionLost(_ reason: String) {
        #if Metrics
        metrics?.sessionLost(reason)
        #endif
    }

    /// So many watches more are set; fewer, if it is negative.
    func watchesChanged(by difference: Int) {
        #if Metrics
        metrics?.watchesChanged(by: difference)
        #endif
    }

    // MARK: Recipes

    /// The instruments of a lock or an election.
    ///
    /// - Parameter name: The name that its user has given it.
    package func lock(_ name: String?, _ recipe: RecipeName, at path: ZNodePath) -> LockInstruments {
        #if Metrics
        let metrics = metrics?.lock(name ?? MetricValue.unnamed, recipe)
        #endif
        return LockInstruments(name, recipe, at: path, metrics: metrics, tracer: tracer)
    }
}
