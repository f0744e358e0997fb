import Synchronization
import ZooKeeper

/// Carries bytes from one server of an ensemble to a port of another, and back, until it is severed: then neither hears
/// anything, and both keep their connections, as behind a router that has died.
final class PeerLink: Sendable {
    private struct State {
        var isOpen = true
        var isSevered = false
        var sockets: [Int: [Socket]] = [:]
        var count = 0
        var returnPort: Int?
    }

    /// The port at which it listens.
    let port: Int
    private let target: Int
    private let listener: Socket
    private let state = Mutex(State())
    private let condition = BlockingCondition()

    private let waits: Bool

    /// - Parameters:
    ///   - target: The port that it leads to.
    ///   - waits: Whether callers wait for a server that does not listen yet.
    init(to target: Int, waits: Bool) throws(TestKitError) {
        self.target = target
        self.waits = waits
        listener = try Socket.listening()
        port = listener.port
    }

    /// - Parameter returnPort: For an election port: the port at which a caller can be called back. It would say its
    ///   own address, and be called past all links.
    func start(returnPort: Int? = nil) {
        state.withLock { $0.returnPort = returnPort }
        _ = DetachedThread.start { [self] in
            while let source = listener.accepted() {
                _ = DetachedThread.start { [self] in serve(source) }
            }
        }
    }

    func close() {
        let sockets = state.withLock { state in
            state.isOpen = false
            return state.sockets.values.flatMap(\.self)
        }
        condition.changed()
        listener.shutDown()
        for socket in sockets { socket.shutDown() }
    }

    /// From now on nothing passes.
    func sever() { state.withLock { $0.isSevered = true } }

    /// Lets messages pass again, also those that were held back, in order.
    func heal() {
        state.withLock { $0.isSevered = false }
        condition.changed()
    }

    private var isPassable: Bool { state.withLock { !$0.isSevered || !$0.isOpen } }

    private func serve(_ source: Socket) {
        // A call on a severed link gets through to nobody, then or later.
        guard isPassable else {
            condition.wait { isPassable }
            source.shutDown()
            return
        }
        guard let server = connected() else { return source.shutDown() }
        let number: Int? = state.withLock { state in
            guard state.isOpen else { return nil }
            state.count += 1
            state.sockets[state.count] = [source, server]
            return state.count
        }
        guard let number else {
            source.shutDown()
            server.shutDown()
            return
        }
        _ = DetachedThread.start { [self] in pass(from: server, to: source) }
        if let returnPort = state.withLock({ $0.returnPort }) {
            if let greeting = greeting(from: source, returnPort) { _ = server.write(greeting) }
        }
        pass(from: source, to: server)
        state.withLock { $0.sockets[number] = nil }
    }

    /// Calls the target. A server that is refused tries again; one that gets through and is then cut off gives up the
    /// leader it has just elected. So where nobody listens yet, as on the port of a leader that is about to lead, this
    /// waits.
    private func connected() -> Socket? {
        for _ in 0..<(waits ? 150 : 1) {
            if let socket = try? Socket.connected(to: target) { return socket }
            BlockingCondition.pause(.milliseconds(10))
        }
        return nil
    }

    private func pass(from source: Socket, to target: Socket) {
        while true {
            let bytes = source.read(upTo: 65_536)
            condition.wait { isPassable }
            if bytes.isEmpty || !target.write(bytes) { break }
        }
        source.shutDown()
        target.shutDown()
    }

    /// Reads the first message of a server on an election port (`QuorumCnxManager.InitialMessage`): a version, its
    /// number, and its address, in place of which stands another port.
    private func greeting(from source: Socket, _ returnPort: Int) -> [UInt8]? {
        guard let head = source.read(exactly: 20), let address = source.read(exactly: Frame.length(Array(head[16...])))
        else { return nil }
        var message = Frame(bytes: Array(head[..<16]))
        let replaced = address.isEmpty ? [] : Array("127.0.0.1:\(returnPort)".utf8)
        message.append(Int32(replaced.count))
        return message.bytes + replaced
    }
}
