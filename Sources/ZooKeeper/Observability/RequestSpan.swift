// SPDX-License-Identifier: Apache-2.0

#if Tracing
import Tracing

// The attributes of a request's span, and the span that it stands below.

extension Span {
    /// Says which request this is the span of.
    ///
    /// - Parameter server: The server that it goes to, if that is known.
    func describe(_ request: Request, to server: ServerAddress?) {
        updateAttributes { attributes in
            attributes[SpanAttributeName.system.rawValue] = "zookeeper"
            attributes[SpanAttributeName.operation.rawValue] = request.action.name
            if let path = request.path { attributes[SpanAttributeName.path.rawValue] = path.string }
            if case .transaction(let steps) = request.action {
                attributes[SpanAttributeName.batchSize.rawValue] = steps.count
            }
            if let server {
                attributes[SpanAttributeName.serverAddress.rawValue] = server.host
                attributes[SpanAttributeName.serverPort.rawValue] = server.port
            }
        }
    }
}

extension TraceParent {
    /// The context to begin a span in; `nil` if there is to be none.
    var context: ServiceContext? {
        switch self {
        case .none: nil
        case .currentTask: .current ?? .topLevel
        case .span(let span): span.context
        }
    }
}
#endif
