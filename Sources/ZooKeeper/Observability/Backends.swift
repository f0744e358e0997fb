// SPDX-License-Identifier: Apache-2.0

// The backends of metrics and spans. Without its trait there is none: the type has no value.

#if Metrics
package import CoreMetrics

package typealias MetricsBackend = any MetricsFactory
#else
package typealias MetricsBackend = Never
typealias ClientMetrics = Never
typealias LockMetrics = Never
#endif

#if Tracing
package import Tracing

package typealias TracingBackend = any Tracer
#else
package typealias TracingBackend = Never
#endif
