import Synchronization
public import ZooKeeper

/// Stands between clients and a server, passes every message on, counts, and lets things go wrong where it is told to.
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
///
/// To see what a service does when the answer to its write is lost:
///
/// ```swift
/// relay.inject(RelayFault(.cut, at: .reply(to: .setData)))
/// ```
public final class ZooKeeperRelay: Sendable {
    private struct State {
        /// The port of the server to which new connections go.
        var serverPort: Int
        var traffic = Traffic()
        var connections: [Int: RelayConnection] = [:]
        var isOpen = true
        var isRefusing = false
        var faults = FaultPlan()
        /// Directions in which nothing passes.
        var frozen: Set<RelayConnection.Direction> = []
        /// Connections over which nothing passes.
        var frozenConnections: Set<Int> = []
        var pipelines: ExpectedPipelines?
    }

    /// The requests that are to be under way together.
    private struct ExpectedPipelines {
        /// The number of requests that had been sent when it began.
        var sentBefore: Int
        /// The number of the last request of each pipeline, counted from there.
        var ends: [Int]
        var passedReplies = 0

        /// Tells whether the next answer may pass.
        func mayPass(sent: Int) -> Bool {
            guard let end = ends.first(where: { passedReplies < $0 }) else { return true }
            return sent - sentBefore >= end
        }
    }

    /// The port it listens on.
    public let port: Int
    private let listener: Socket
    private let state: Mutex<State>
    /// Wakes the threads that hold messages back.
    private let condition = BlockingCondition()

    private init(serverPort: Int) throws {
        state = Mutex(State(serverPort: serverPort))
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

    /// Runs `body` with a relay to each of `servers`, in their order: what one client of an ensemble sees of it.
    ///
    /// - Throws: What `body` throws; ``TestKitError`` if there is no port to listen on.
    @discardableResult
    public static func withRelays<Success>(
        to servers: [ZooKeeperServer],
        isolation: isolated (any Actor)? = #isolation,
        _ body: ([ZooKeeperRelay]) async throws -> Success
    ) async throws -> Success {
        var relays: [ZooKeeperRelay] = []
        defer { for relay in relays { relay.close() } }
        for server in servers {
            let relay = try ZooKeeperRelay(serverPort: server.port)
            relay.start()
            relays.append(relay)
        }
        return try await body(relays)
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

    /// The traffic so far.
    public var traffic: Traffic { state.withLock { $0.traffic } }

    // MARK: Faults

    /// Lets something go wrong at a message to come. Several faults may be waiting, each counts for itself.
    public func inject(_ fault: RelayFault) { state.withLock { $0.faults.inject(fault) } }

    /// The number of faults with a number that have been injected and have not happened yet.
    public var pendingFaults: Int { state.withLock { $0.faults.pendingCount } }

    /// Takes back all faults that have not happened.
    public func clearFaults() { state.withLock { $0.faults.clear() } }

    /// Cuts all connections. Clients will make new ones.
    public func cut() {
        let connections = state.withLock { Array($0.connections.values) }
        for connection in connections { connection.cut() }
    }

    /// From now on nothing passes, on any connection, also on new ones, which are accepted: silence, until ``thaw()``.
    public func freeze() { freeze(RelayConnection.Direction.allCases) }

    /// From now on nothing reaches the server, while what it says still passes.
    public func freezeRequests() { freeze([.toServer]) }

    /// From now on nothing reaches the clients, while the server hears and executes what they say.
    public func freezeReplies() { freeze([.toClient]) }

    private func freeze(_ directions: [RelayConnection.Direction]) {
        state.withLock { $0.frozen.formUnion(directions) }
    }

    /// Tells whether anything is held back by freezing.
    public var isFrozen: Bool { state.withLock { !$0.frozen.isEmpty || !$0.frozenConnections.isEmpty } }

    /// Lets everything pass that was held back by freezing, in order.
    public func thaw() {
        state.withLock { state in
            state.frozen = []
            state.frozenConnections = []
        }
        condition.changed()
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

    /// Sends new connections to another server; those that are there stay. A client whose connection is cut then comes
    /// back by that server, as one does that knows several.
    public func redirect(to server: ZooKeeperServer) { state.withLock { $0.serverPort = server.port } }

    /// Holds answers back so that, of the next requests, those of one pipeline are all under way before the first of
    /// them is answered. A client that waits for an answer in the middle of a pipeline never gets it, so this shows
    /// that it does not; and the count of round trips does not depend on how busy the machine is.
    ///
    /// - Parameter sizes: How many requests each of the next pipelines has.
    public func expectPipelines(_ sizes: [Int]) {
        state.withLock { state in
            var end = 0
            let ends = sizes.map { size in
                end += size
                return end
            }
            state.pipelines = ExpectedPipelines(sentBefore: state.traffic.requestCount, ends: ends)
        }
    }

    // MARK: Passing on

    private func close() {
        state.withLock { $0.isOpen = false }
        condition.changed()
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
        guard let server = try? Socket.connected(to: state.withLock { $0.serverPort }) else {
            client.shutDown()
            return
        }
        let connection: RelayConnection? = state.withLock { state in
            guard state.isOpen, !state.isRefusing else { return nil }
            state.traffic.connections += 1
            let connection = RelayConnection(number: state.traffic.connections, client: client, server: server)
            state.connections[connection.number] = connection
            return connection
        }
        guard let connection else {
            client.shutDown()
            server.shutDown()
            return
        }
        connection.run { [self] direction, frame in judge(frame, direction, of: connection) }
        state.withLock { $0.connections[connection.number] = nil }
    }

    /// Counts a message, and holds it back for as long as it has to be.
    private func judge(
        _ frame: Frame, _ direction: RelayConnection.Direction, of connection: RelayConnection
    ) -> RelayConnection.Verdict {
        let (message, effect) = state.withLock { state in
            let message = connection.parser.withLock { parser in
                switch direction {
                case .toServer: parser.sent(frame, &state.traffic)
                case .toClient: parser.received(frame, &state.traffic)
                }
            }
            let effect = state.faults.effect(on: message)
            if effect == .freeze { state.frozenConnections.insert(connection.number) }
            return (message, effect)
        }
        condition.changed()
        switch effect {
        case .cut: return .cut
        case .lose: return .lose
        case .delay(let duration): BlockingCondition.pause(duration)
        case .freeze, nil: break
        }
        condition.wait { passes(message, direction, of: connection) }
        return .pass
    }

    /// Notes that a message passes, if it may.
    private func passes(
        _ message: RelayMessage, _ direction: RelayConnection.Direction, of connection: RelayConnection
    ) -> Bool {
        state.withLock { state in
            guard state.isOpen else { return true }
            if state.frozen.contains(direction) || state.frozenConnections.contains(message.connection) { return false }
            guard case .reply = message.kind else { return true }
            guard state.pipelines?.mayPass(sent: state.traffic.requestCount) ?? true else { return false }
            state.pipelines?.passedReplies += 1
            connection.parser.withLock { $0.passesOn(message) }
            return true
        }
    }
}
