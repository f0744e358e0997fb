// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Logging
import Testing
package import ZooKeeper

/// A transport to a server that accepts every connection, and from some moment on answers nothing: each connection is
/// lost after a while, as the C client loses it, and the next is accepted at once. Before that moment, every node
/// exists.
package final class SilentTransport: SessionTransport {
    private struct State {
        var delegate: (any SessionTransportDelegate)?
        var isSilent = false
        var unanswered: [any TransportRequest] = []
        var connections = 0
    }

    private let timeout: Duration
    private let patience: Duration
    private let queue = DispatchQueue(label: "zookeeper.silent")
    private let state = Shared(State())

    /// - Parameters:
    ///   - timeout: The session time-out that it grants.
    ///   - patience: The time after which a connection without an answer is lost.
    package init(timeout: Duration, patience: Duration) {
        self.timeout = timeout
        self.patience = patience
    }

    /// Answers nothing from now on.
    package func fallSilent() {
        state.withLock { $0.isSilent = true }
        scheduleLoss()
    }

    /// The number of connections that were accepted.
    package var connections: Int { state.withLock { $0.connections } }

    package func open(sessionTimeout: Duration, delegate: any SessionTransportDelegate) {
        state.withLock { $0.delegate = delegate }
        queue.async { self.connect() }
    }

    private func connect() {
        let (delegate, isSilent) = state.withLock { state in
            state.connections += 1
            return (state.delegate, state.isSilent)
        }
        let id = SessionID(rawValue: 7)
        delegate?.transport(did: .connected(id, password: [], timeout: timeout, isReadOnly: false))
        if isSilent { scheduleLoss() }
    }

    private func scheduleLoss() {
        Deadlines.shared.schedule(at: .now + patience) { self.queue.async { self.lose() } }
    }

    private func lose() {
        let (delegate, lost) = state.withLock { state in
            defer { state.unanswered = [] }
            return (state.delegate, state.unanswered)
        }
        guard let delegate else { return }
        delegate.transport(did: .disconnected)
        for request in lost { request.answered(.failure(ResultFailure(.operationTimeout))) }
        connect()
    }

    package func issue(_ request: any TransportRequest) -> ResultCode? {
        let isSilent = state.withLock { state in
            if state.isSilent { state.unanswered.append(request) }
            return state.isSilent
        }
        if !isSilent { queue.async { request.answered(.success(.stat(Self.stat))) } }
        return nil
    }

    private static let stat = ZNodeStat(
        czxid: Zxid(rawValue: 1), mzxid: Zxid(rawValue: 1), pzxid: Zxid(rawValue: 1), ctime: 0, mtime: 0, version: 0,
        cversion: 0, aversion: 0, ephemeralOwner: SessionID(rawValue: 0), dataLength: 0, numChildren: 0)

    package func close(done: @escaping @Sendable () -> Void) {
        state.withLock { $0.delegate = nil }
        queue.async {
            self.state.withLock { $0.unanswered = [] }
            done()
        }
    }
}

extension SilentTransport {
    /// Runs `body` with a client whose server has fallen silent, and goes on accepting its connections.
    package static func withClient(
        credentials: [Credential] = [], chroot: ZNodePath = .root,
        _ body: (ZooKeeperClient, ZooKeeperSession) async throws -> Void
    ) async throws {
        let transport = SilentTransport(timeout: .seconds(2), patience: .milliseconds(300))
        var configuration: ZooKeeperConfiguration = "silent:1"
        configuration.sessionTimeout = .seconds(2)
        configuration.requestTimeout = .seconds(1)
        // The session must not end the waits by ending itself.
        configuration.abandonAfter = .seconds(3_600)
        configuration.credentials = credentials
        configuration.chroot = chroot
        let client = try ZooKeeperClient(configuration, logger: Logger(label: "test")) { _, _ in transport }
        try await client.run { client in
            let session = try await client.withSession { $0 }
            transport.fallSilent()
            let known = transport.connections
            try await eventually("a handshake, and nothing behind it") { transport.connections > known }
            try await body(client, session)
            // It was not the end of the session that ended the waits.
            #expect(!session.state.isFinal)
        }
    }
}
