/// The metadata keys of every log line this package writes.
package enum LogKeys {
    package static let sessionGeneration = "zookeeper.session.generation"
    package static let state = "zookeeper.session.state"
    package static let reason = "zookeeper.session.lossReason"
    package static let delay = "zookeeper.reconnect.delay"
    package static let path = "zookeeper.path"
    package static let foreignNode = "zookeeper.lock.foreignNode"
    package static let locks = "zookeeper.locks"
    package static let lockPath = "zookeeper.lock.path"
    package static let fencingToken = "zookeeper.fencing.token"
    package static let errorCode = "zookeeper.error.code"
    package static let clientLine = "zookeeper.client.line"
    package static let suppressedLines = "zookeeper.client.suppressedLines"
}
