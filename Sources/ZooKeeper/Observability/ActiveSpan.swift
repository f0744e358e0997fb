// SPDX-License-Identifier: Apache-2.0

#if Tracing
import Tracing
#endif

/// A span that has begun and is to be ended once. Nothing, without the trait Tracing: then there is none.
package final class ActiveSpan: Sendable {
    #if Tracing
    private let span: any Span

    init(_ span: any Span) { self.span = span }

    /// The context of its children.
    var context: ServiceContext { span.context }
    #else
    private init() {}
    #endif

    /// Adds what has become known.
    package func set(_ attribute: SpanAttributeName, to value: @autoclosure () -> String) {
        #if Tracing
        span.attributes[attribute.rawValue] = value()
        #endif
    }

    /// Ends it, with the error if there is one.
    ///
    /// - Parameters:
    ///   - kind: The error's code.
    ///   - message: The error in words.
    package func end(with error: (any Error)? = nil, kind: String? = nil, message: String? = nil) {
        #if Tracing
        if let error {
            span.attributes[SpanAttributeName.errorType.rawValue] = kind
            span.recordError(error)
            span.setStatus(SpanStatus(code: .error, message: message ?? kind))
        }
        span.end()
        #endif
    }
}

/// The span that the spans of requests are children of.
package enum TraceParent: Sendable {
    /// They have no spans: nobody waits for them, or for so long that a trace is no place for them.
    case none
    /// That of the current task, if there is one.
    case currentTask
    case span(ActiveSpan)
}

/// The names of spans; those of requests have the name of their operation.
package enum SpanName: String, CaseIterable {
    case lockAcquire = "zookeeper.lock.acquire"
    case electionAcquire = "zookeeper.election.acquire"
}

/// The attributes of spans: where there are any, those of OpenTelemetry's conventions for databases.
package enum SpanAttributeName: String, CaseIterable {
    case system = "db.system.name"
    case operation = "db.operation.name"
    case batchSize = "db.operation.batch.size"
    case serverAddress = "server.address"
    case serverPort = "server.port"
    case errorType = "error.type"
    case path = "zookeeper.path"
    case lockName = "zookeeper.lock.name"
    case recipe = "zookeeper.lock.recipe"
    case result = "zookeeper.lock.result"
    case fencingToken = "zookeeper.fencing.token"
}
