import Dispatch
import Synchronization
package import ZooKeeper

/// A server that accepts every connection, and from some moment on says nothing more: each connection is lost after a while,
/// as the C client loses it, and the next is accepted at once. Before that, every node is there.
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
    private let state = Mutex(State())

    /// - Parameters:
    ///   - timeout: What it says when it is asked for a session.
    ///   - patience: How long a connection lasts on which nothing is said.
    package init(timeout: Duration, patience: Duration) {
        self.timeout = timeout
        self.patience = patience
    }

    /// Answers nothing from now on.
    package func fallSilent() {
        state.withLock { $0.isSilent = true }
        scheduleLoss()
    }

    /// How many connections were accepted.
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
        if !isSilent { queue.async { request.answered(.success(Response(.stat(Self.stat)))) } }
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
