// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Synchronization
import Tracing

/// A metrics backend that adds up in memory, as those do that are asked for their sums from time to time.
final class SumMetrics: MetricsFactory {
    private final class Sum: CounterHandler, MeterHandler, RecorderHandler, TimerHandler {
        private let sum = Atomic<Int64>(0)
        private let count = Atomic<Int64>(0)

        private func add(_ value: Int64) {
            sum.wrappingAdd(value, ordering: .relaxed)
            count.wrappingAdd(1, ordering: .relaxed)
        }

        func increment(by amount: Int64) { add(amount) }
        func reset() { sum.store(0, ordering: .relaxed) }
        func set(_ value: Int64) { sum.store(value, ordering: .relaxed) }
        func set(_ value: Double) { sum.store(Int64(value), ordering: .relaxed) }
        func increment(by amount: Double) { add(Int64(amount)) }
        func decrement(by amount: Double) { add(-Int64(amount)) }
        func record(_ value: Int64) { add(value) }
        func record(_ value: Double) { add(Int64(value)) }
        func recordNanoseconds(_ duration: Int64) { add(duration) }
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler { Sum() }
    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler { Sum() }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { Sum() }
    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler { Sum() }
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyMeter(_ handler: any MeterHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
}

/// A tracer that records every span, and forgets it at its end.
struct ForgetfulTracer: Tracer {
    final class Span: Tracing.Span {
        private struct State {
            var name: String
            var attributes: SpanAttributes = [:]
            var status: SpanStatus?
            var end: UInt64?
        }

        let context: ServiceContext
        private let begin: UInt64
        private let state: Mutex<State>

        init(_ name: String, _ context: ServiceContext, at instant: some TracerInstant) {
            self.context = context
            begin = instant.nanosecondsSinceEpoch
            state = Mutex(State(name: name))
        }

        var isRecording: Bool { state.withLock { $0.end == nil } }
        var operationName: String {
            get { state.withLock { $0.name } }
            set { state.withLock { $0.name = newValue } }
        }
        var attributes: SpanAttributes {
            get { state.withLock { $0.attributes } }
            set { state.withLock { $0.attributes = newValue } }
        }
        func setStatus(_ status: SpanStatus) { state.withLock { $0.status = status } }
        func addEvent(_ event: SpanEvent) {}
        func addLink(_ link: SpanLink) {}
        func recordError(
            _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> some TracerInstant
        ) {}
        func end(at instant: @autoclosure () -> some TracerInstant) {
            let end = instant().nanosecondsSinceEpoch
            state.withLock { $0.end = end }
        }
    }

    func startSpan(
        _ operationName: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
        at instant: @autoclosure () -> some TracerInstant, function: String, file fileID: String, line: UInt
    ) -> Span {
        Span(operationName, context(), at: instant())
    }

    func forceFlush() {}
    func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
    ) where Extract.Carrier == Carrier {}
    func inject<Carrier, Inject: Injector>(
        _ context: ServiceContext, into carrier: inout Carrier, using injector: Inject
    ) where Inject.Carrier == Carrier {}
}
