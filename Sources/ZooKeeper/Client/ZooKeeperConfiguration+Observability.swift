// SPDX-License-Identifier: Apache-2.0

#if Metrics
public import CoreMetrics
#endif
#if Tracing
public import Tracing
#endif

#if Metrics
extension ZooKeeperConfiguration {
    /// The backend of the client's metrics and of those of its locks. `nil`, the default: that of `MetricsSystem`, as it is
    /// when the client is made; so bootstrap it before. Without one nothing is measured, and nothing is spent on it.
    ///
    /// Its handlers are called on the threads that bring the servers' answers: they must not wait.
    ///
    /// Two configurations are equal only if they have the same one by assigning one to the other.
    public var metricsFactory: (any MetricsFactory)? {
        get { metricsBox?.value }
        set { metricsBox = newValue.map { IdentityBox($0) } }
    }
}
#endif

#if Tracing
extension ZooKeeperConfiguration {
    /// The tracer of the client's requests and of its acquisitions. `nil`, the default: that of `InstrumentationSystem`, as it
    /// is when the client is made; so bootstrap it before. Without one there are no spans, and nothing is spent on them.
    ///
    /// It is called on the threads that bring the servers' answers, too: it must not wait.
    ///
    /// Two configurations are equal only if they have the same one by assigning one to the other.
    public var tracer: (any Tracer)? {
        get { tracerBox?.value }
        set { tracerBox = newValue.map { IdentityBox($0) } }
    }
}
#endif

extension ZooKeeperConfiguration {
    #if !Metrics
    private var metricsFactory: MetricsBackend? { nil }
    #endif
    #if !Tracing
    private var tracer: TracingBackend? { nil }
    #endif

    /// The instruments of a client; `nil` if nobody measures.
    func makeInstruments() -> Instruments? { Instruments(metrics: metricsFactory, tracer: tracer) }
}
