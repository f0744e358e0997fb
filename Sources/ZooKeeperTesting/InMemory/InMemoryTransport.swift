import Dispatch
import Synchronization
import ZooKeeper

/// One session's way to an ``InMemoryZooKeeper``.
///
/// A request is executed while it is issued, under the lock of all. What it makes the server send is told to the
/// clients concerned by a queue each, so nobody is called back under anybody's lock, and per client everything comes in
/// order.
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
    /// Tells a client what has come for it. On its queue.
    func tell(_ number: Int) {
        while let (delegate, notices) = state.withLock({ $0.takeNotices(of: number) }) {
            for notice in notices { tell(notice, to: delegate, number) }
        }
    }

    private func tell(_ notice: Client.Notice, to delegate: any SessionTransportDelegate, _ number: Int) {
        switch notice {
        case .connected(let session, let timeout):
            // Nobody can take the session over from outside, so there is no password.
            delegate.transport(did: .connected(session, password: [], timeout: timeout, isReadOnly: false))
        case .answer(let request, _, _, let result): request.answered(result.map { Response($0) })
        case .event(let kind, let path): delegate.transport(sawChangeOf: path, kind)
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
