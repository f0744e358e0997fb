import Dispatch
import Synchronization
public import ZooKeeper

/// Stands between clients and a server, passes every message on, and counts.
///
/// ```swift
/// try await ZooKeeperRelay.withRelay(to: server) { relay in
///     let client = try ZooKeeperClient(relay.configuration)
///     ...
///     let before = relay.traffic
///     try await client.create("/a")
///     #expect((relay.traffic - before).requests == [.create2: 1])
/// }
/// ```
public final class ZooKeeperRelay: Sendable {
    private struct State {
        var traffic = Traffic()
        var sockets: [ObjectIdentifier: Socket] = [:]
        var isOpen = true
        /// Whose next answer is to be lost.
        var doomed: OperationCode?
        var isRefusing = false
        var flights: ExpectedFlights?
    }

    /// Which requests are to be under way together.
    private struct ExpectedFlights {
        /// How many requests had been sent when it began.
        var sentBefore: Int
        /// The number of the last request of each flight, counted from there.
        var ends: [Int]
        var passedReplies = 0

        /// Whether the next answer may pass.
        func mayPass(sent: Int) -> Bool {
            guard let end = ends.first(where: { passedReplies < $0 }) else { return true }
            return sent - sentBefore >= end
        }
    }

    /// The port it listens on.
    public let port: Int
    private let serverPort: Int
    private let listener: Socket
    private let state = Mutex(State())
    /// Signalled whenever an answer that was held back may have become free to pass.
    private let mayPass = DispatchSemaphore(value: 0)

    private init(serverPort: Int) throws {
        self.serverPort = serverPort
        self.listener = try Socket.listening()
        self.port = listener.port
    }

    /// Runs `body` with a relay to `server`. Its connections end with the scope.
    ///
    /// - Throws: What `body` throws; ``TestKitError`` if there is no port to listen on.
    @discardableResult
    public static func withRelay<Success>(
        to server: ZooKeeperServer,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (ZooKeeperRelay) async throws -> Success
    ) async throws -> Success {
        let relay = try ZooKeeperRelay(serverPort: server.port)
        relay.start()
        defer { relay.close() }
        return try await body(relay)
    }

    /// `127.0.0.1:port`.
    public var connectString: String { "127.0.0.1:\(port)" }

    /// A client configuration that goes through this relay, with a session time-out of 4 s.
    public var configuration: ZooKeeperConfiguration {
        get throws {
            var configuration = try ZooKeeperConfiguration(connectString)
            configuration.sessionTimeout = .seconds(4)
            return configuration
        }
    }

    /// What has gone over so far.
    public var traffic: Traffic { state.withLock { $0.traffic } }

    /// Cuts all connections. Clients will make new ones.
    public func cut() {
        let sockets = state.withLock { Array($0.sockets.values) }
        for socket in sockets { socket.shutDown() }
    }

    /// Cuts all connections and accepts none while `body` runs.
    public func whileRefusing<Success>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Success
    ) async rethrows -> Success {
        state.withLock { $0.isRefusing = true }
        defer { state.withLock { $0.isRefusing = false } }
        cut()
        return try await body()
    }

    /// Holds answers back so that, of the next requests, those of one flight are all under way before the first of them is
    /// answered. A client that waits for an answer in the middle of a flight never gets it, so this shows that it does not;
    /// and the count of round trips does not depend on how busy the machine is.
    ///
    /// - Parameter sizes: How many requests each of the next flights has.
    public func expectFlights(_ sizes: [Int]) {
        state.withLock { state in
            var end = 0
            let ends = sizes.map { size in
                end += size
                return end
            }
            state.flights = ExpectedFlights(sentBefore: state.traffic.requestCount, ends: ends)
        }
    }

    /// Cuts the connection in place of the next answer to a request of this type: the server has executed it, and the
    /// client does not know.
    public func loseNextReply(to operation: OperationCode) {
        state.withLock { $0.doomed = operation }
    }

    private func close() {
        state.withLock { state in
            state.isOpen = false
            state.flights = nil
        }
        mayPass.signal()
        listener.shutDown()
        cut()
    }

    private func start() {
        _ = DetachedThread.start { [self] in
            while let client = listener.accepted() {
                _ = DetachedThread.start { [self] in serve(client) }
            }
        }
    }

    private func serve(_ client: Socket) {
        guard let server = try? Socket.connected(to: serverPort) else {
            client.shutDown()
            return
        }
        let isOpen = state.withLock { state in
            guard state.isOpen, !state.isRefusing else { return false }
            state.traffic.connections += 1
            state.sockets[ObjectIdentifier(client)] = client
            state.sockets[ObjectIdentifier(server)] = server
            return true
        }
        guard isOpen else {
            client.shutDown()
            server.shutDown()
            return
        }
        let connection = Connection()
        let isStarted = DetachedThread.start { [self] in
            pass(from: server, to: client) { frame in
                if connection.parser.withLock({ $0.isReply(frame) }) { waitForFlight() }
                return state.withLock { state in
                    connection.parser.withLock { $0.received(frame, &state.traffic) }
                    return !connection.isDoomed(frame)
                }
            }
        }
        guard isStarted else { return cut() }
        pass(from: client, to: server) { frame in
            let isPassed = state.withLock { state in
                let operation = connection.parser.withLock { $0.sent(frame, &state.traffic) }
                if let operation, operation == state.doomed {
                    state.doomed = nil
                    connection.doom(frame)
                }
                return true
            }
            mayPass.signal()
            return isPassed
        }
        state.withLock { state in
            state.sockets[ObjectIdentifier(client)] = nil
            state.sockets[ObjectIdentifier(server)] = nil
        }
    }

    /// Blocks while an answer has to wait for the rest of a flight.
    private func waitForFlight() {
        while true {
            let isFree = state.withLock { state in
                guard state.flights?.mayPass(sent: state.traffic.requestCount) ?? true else { return false }
                state.flights?.passedReplies += 1
                return true
            }
            if isFree { return }
            mayPass.wait()
        }
    }

    /// Passes messages on until one side ends the connection or `look` says so, then ends the other's.
    private func pass(from source: Socket, to target: Socket, look: (Frame) -> Bool) {
        while let frame = source.readFrame() {
            guard look(frame), target.write(frame.encoded) else { break }
        }
        source.shutDown()
        target.shutDown()
    }

    /// What is known of one connection.
    private final class Connection: Sendable {
        let parser = Mutex(TrafficParser())
        /// The number of the request whose answer is to be lost.
        private let doomed = Mutex<Int32?>(nil)

        func doom(_ request: Frame) { doomed.withLock { $0 = request.number(at: 0) } }

        func isDoomed(_ reply: Frame) -> Bool {
            doomed.withLock { $0 != nil && $0 == reply.number(at: 0) }
        }
    }
}
