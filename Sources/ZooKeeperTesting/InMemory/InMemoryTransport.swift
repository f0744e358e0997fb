// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Synchronization
import ZooKeeper

/// The transport of one session to an ``InMemoryZooKeeper``.
///
/// A request is executed while it is issued, under the server's lock. The outputs are delivered to each client on a
/// queue of its own, so no callback runs under a lock, and each client receives everything in order.
final class InMemoryTransport: SessionTransport {
    private let server: InMemoryZooKeeper
    private let credentials: [Credential]
    private let queue: DispatchQueue
    /// The number of the client, once it is open.
    private let number = Mutex<Int?>(nil)

    init(_ server: InMemoryZooKeeper, credentials: [Credential], on queue: DispatchQueue) {
        self.server = server
        self.queue = queue
        self.credentials = credentials
    }

    func open(sessionTimeout: Duration, delegate: any SessionTransportDelegate) {
        let client = InMemoryZooKeeper.Client(
            timeout: sessionTimeout, queue: queue, delegate: delegate, credentials: credentials)
        let number = server.state.withLock { $0.add(client) }
        self.number.withLock { $0 = number }
        queue.async { [server] in server.state.withLock { $0.connect(number, server) } }
    }

    func issue(_ request: any TransportRequest) -> ResultCode? {
        guard let number = number.withLock({ $0 }) else { return .invalidState }
        return server.state.withLock { $0.issue(request, from: number, server) }
    }

    func close(done: @escaping @Sendable () -> Void) {
        guard let number = number.withLock({ $0 }) else {
            queue.async { done() }
            return
        }
        server.state.withLock { $0.close(number, server, done: done) }
    }
}

extension InMemoryZooKeeper {
    /// Delivers the notices of a client. Runs on its queue.
    func deliver(to number: Int) {
        while let (delegate, notices) = state.withLock({ $0.takeNotices(of: number) }) {
            for notice in notices { deliver(notice, to: delegate, number) }
        }
    }

    private func deliver(_ notice: Client.Notice, to delegate: any SessionTransportDelegate, _ number: Int) {
        switch notice {
        case .connected(let session, let timeout):
            // No other process can take the session over, so there is no password.
            delegate.transport(did: .connected(session, password: [], timeout: timeout, isReadOnly: false))
        case .answer(let request, _, _, let result): request.answered(result)
        case .event(let kind, let path): delegate.transport(sawChangeOf: ServerPath(received: path), kind)
        case .watchesSet: break
        case .disconnected(let lost):
            delegate.transport(did: .disconnected)
            for request in lost { request.answered(.failure(ResultFailure(.connectionLoss))) }
            state.withLock { $0.connect(number, self) }
        case .expired: delegate.transport(did: .expired)
        case .authenticationFailed: delegate.transport(did: .authenticationFailed)
        case .closed(let done):
            let client = state.withLock { $0.remove(number) }
            withExtendedLifetime(client) {}
            done()
        }
    }
}
