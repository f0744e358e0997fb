// SPDX-License-Identifier: Apache-2.0

import Synchronization
import ZooKeeper

/// A proxy from one server of an ensemble to a port of another. While it is severed, neither server receives anything,
/// and both keep their connections, as behind a router that has failed.
final class PeerLink: Sendable {
    private struct State {
        var isOpen = true
        var isSevered = false
        var sockets: [Int: [Socket]] = [:]
        var count = 0
        var returnPort: Int?
    }

    /// The port that the link listens on.
    let port: Int
    private let target: Int
    private let listener: Socket
    private let state = Mutex(State())
    private let condition = BlockingCondition()
    private let waits: Bool

    /// Creates a link that listens on a free port.
    ///
    /// - Parameters:
    ///   - target: The port that connections are forwarded to.
    ///   - waits: Lets a connection wait for a server that does not listen yet, instead of refusing it.
    init(to target: Int, waits: Bool) throws(TestKitError) {
        self.target = target
        self.waits = waits
        listener = try Socket.listening()
        port = listener.port
    }

    /// Starts to accept connections.
    ///
    /// - Parameter returnPort: For an election port: the port of the link that leads back to the connecting server. It
    ///   replaces that server's own address in its first message, through which it would be reached past all links.
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

    /// Holds back everything in both directions until ``heal()``.
    func sever() { state.withLock { $0.isSevered = true } }

    /// Delivers what was held back, in order, and everything that follows.
    func heal() {
        state.withLock { $0.isSevered = false }
        condition.changed()
    }

    private var isPassable: Bool { state.withLock { !$0.isSevered || !$0.isOpen } }

    private func serve(_ source: Socket) {
        // A connection attempt on a severed link fails, also once the link is healed.
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
            if let message = initialMessage(from: source, returnPort) { _ = server.write(message) }
        }
        pass(from: source, to: server)
        state.withLock { $0.sockets[number] = nil }
    }

    /// Connects to the target. A server whose connection is refused tries again; one that is connected and then cut off
    /// gives up the leader it has just elected. So where no server listens yet, as on the quorum port of a new leader,
    /// this waits.
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

    /// Reads the first message on an election port (`QuorumCnxManager.InitialMessage`: a version, the server's number
    /// and its address) and replaces the address by that of another port.
    private func initialMessage(from source: Socket, _ returnPort: Int) -> [UInt8]? {
        guard let head = source.read(exactly: 20), let address = source.read(exactly: Frame.length(Array(head[16...])))
        else { return nil }
        var message = Frame(bytes: Array(head[..<16]))
        let replaced = address.isEmpty ? [] : Array("127.0.0.1:\(returnPort)".utf8)
        message.append(Int32(replaced.count))
        return message.bytes + replaced
    }
}
