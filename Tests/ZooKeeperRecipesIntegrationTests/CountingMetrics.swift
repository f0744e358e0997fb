// SPDX-License-Identifier: Apache-2.0

#if Metrics
import CoreMetrics
import TestSupport

/// A metrics backend that counts the objects that are made, and forgets what they are told.
final class CountingMetrics: MetricsFactory {
    let made = Shared(0)
    private let nothing = NOOPMetricsHandler.instance

    private func count() -> NOOPMetricsHandler {
        made.withLock { $0 += 1 }
        return nothing
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler { count() }
    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler { count() }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { count() }
    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler { count() }
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyMeter(_ handler: any MeterHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
}
#endif
