// SPDX-License-Identifier: Apache-2.0

/// The metadata keys of every log line this package writes.
package enum LogKeys {
    package static let sessionGeneration = "zookeeper.session.generation"
    package static let state = "zookeeper.session.state"
    package static let reason = "zookeeper.session.lossReason"
    package static let sessionID = "zookeeper.session.id"
    package static let timeout = "zookeeper.session.timeout"
    package static let server = "zookeeper.server"
    package static let count = "zookeeper.count"
    package static let node = "zookeeper.lock.node"
    package static let blocker = "zookeeper.lock.blocker"
    package static let ahead = "zookeeper.lock.ahead"
    package static let waited = "zookeeper.lock.waited"
    package static let held = "zookeeper.lock.held"
    package static let servers = "zookeeper.servers"
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
