// SPDX-License-Identifier: Apache-2.0

import Synchronization
public import ZooKeeper

/// A proxy between clients and a server that passes every message on, counts messages, and injects faults.
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
/// To test a service against a write whose reply is lost:
///
/// ```swift
/// relay.inject(RelayFault(.cut, at: .reply(to: .setData)))
/// ```
public final class ZooKeeperRelay: Sendable {
    private struct State {
        /// The server's port, to which new connections are made.
        var serverPort: Int
        var traffic = Traffic()
        var connections: [Int: RelayConnection] = [:]
        var isOpen = true
        var isRefusing = false
        var faults = FaultPlan()
        /// The directions in which no message passes.
        var frozen: Set<RelayConnection.Direction> = []
        /// The connections on which no message passes.
        var frozenConnections: Set<Int> = []
        var pipelines: ExpectedPipelines?
        /// The paths, as bytes, of the requests that are counted apart, and their number.
        var pathsApart: [[UInt8]] = []
        var requestsApart: [OperationCode: Int] = [:]
    }

    /// The pipelines whose requests are to be under way together.
    private struct ExpectedPipelines {
        /// The number of requests that had been sent when the pipelines were announced.
        var sentBefore: Int
        /// The number of the last request of each pipeline, counted from there.
        var ends: [Int]
        var passedReplies = 0

        /// Returns whether the next reply may pass.
        func mayPass(sent: Int) -> Bool {
            guard let end = ends.first(where: { passedReplies < $0 }) else { return true }
            return sent - sentBefore >= end
        }
    }

    /// The port that the relay listens on.
    public let port: Int
    private let listener: Socket
    private let state: Mutex<State>
    /// The condition on which the threads wait whose messages are held back.
    private let condition = BlockingCondition()

    private init(serverPort: Int, port: Int = 0, host: UInt8 = 1) throws {
        state = Mutex(State(serverPort: serverPort))
        self.listener = try Socket.listening(on: port, host: host)
        self.port = listener.port
    }

    /// Runs `body` with a relay to `server`, and closes the relay and its connections when `body` returns.
    ///
    /// - Throws: Any error that `body` throws; ``TestKitError`` if there is no port to listen on.
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

    /// As ``withRelay(to:isolation:_:)``, at another address of this machine.
    ///
    /// - Parameters:
    ///   - port: The port that it listens on.
    ///   - host: The last number of the address 127.0.0.x.
    package static func withRelay<Success>(
        to server: ZooKeeperServer, port: Int, host: UInt8, isolation: isolated (any Actor)? = #isolation,
        _ body: (ZooKeeperRelay) async throws -> Success
    ) async throws -> Success {
        let relay = try ZooKeeperRelay(serverPort: server.port, port: port, host: host)
        relay.start()
        defer { relay.close() }
        return try await body(relay)
    }

    /// Runs `body` with a relay to each of `servers`, in their order, so that one client of an ensemble can be cut off
    /// from each of them.
    ///
    /// - Throws: Any error that `body` throws; ``TestKitError`` if there is no port to listen on.
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

    /// The connect string `127.0.0.1:port`.
    public var connectString: String { "127.0.0.1:\(port)" }

    /// A client configuration that connects through this relay, with a session time-out of 4 s.
    public var configuration: ZooKeeperConfiguration {
        get throws {
            var configuration = try ZooKeeperConfiguration(connectString)
            configuration.sessionTimeout = .seconds(4)
            return configuration
        }
    }

    /// The traffic so far.
    public var traffic: Traffic { state.withLock { $0.traffic } }

    /// Counts the requests that contain any of these paths apart, in ``requestsApart``, from now on. ``traffic`` contains
    /// them too.
    package func countApart(_ paths: [ZNodePath]) {
        state.withLock { $0.pathsApart = paths.map { Array($0.description.utf8) } }
    }

    /// The number of requests of each type that contained one of the paths of ``countApart(_:)``.
    package var requestsApart: [OperationCode: Int] { state.withLock { $0.requestsApart } }

    // MARK: Faults

    /// Injects a fault at a later message. Several faults may be pending; each counts messages of its own.
    public func inject(_ fault: RelayFault) { state.withLock { $0.faults.inject(fault) } }

    /// The number of injected faults with a ``RelayFault/number`` that have not happened yet.
    public var pendingFaults: Int { state.withLock { $0.faults.pendingCount } }

    /// Removes all faults that have not happened.
    public func clearFaults() { state.withLock { $0.faults.clear() } }

    /// The number of connections that are open.
    package var connectionCount: Int { state.withLock { $0.connections.count } }

    /// Cuts all connections. Clients reconnect.
    public func cut() {
        let connections = state.withLock { Array($0.connections.values) }
        for connection in connections { connection.cut() }
    }

    /// Holds back all messages until ``thaw()``, also on new connections, which are accepted: both sides receive
    /// nothing.
    public func freeze() { freeze(RelayConnection.Direction.allCases) }

    /// Holds back all messages to the server until ``thaw()``, while those from the server still pass.
    public func freezeRequests() { freeze([.toServer]) }

    /// Holds back all messages to the clients until ``thaw()``, while the server receives and executes their requests.
    public func freezeReplies() { freeze([.toClient]) }

    private func freeze(_ directions: [RelayConnection.Direction]) {
        state.withLock { $0.frozen.formUnion(directions) }
    }

    /// Indicates whether a freeze is in effect, on all connections or on some.
    public var isFrozen: Bool { state.withLock { !$0.frozen.isEmpty || !$0.frozenConnections.isEmpty } }

    /// Ends all freezes: the messages that were held back pass, in order.
    public func thaw() {
        state.withLock { state in
            state.frozen = []
            state.frozenConnections = []
        }
        condition.changed()
    }

    /// Cuts all connections and refuses new ones while `body` runs.
    public func whileRefusing<Success>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Success
    ) async rethrows -> Success {
        state.withLock { $0.isRefusing = true }
        defer { state.withLock { $0.isRefusing = false } }
        cut()
        return try await body()
    }

    /// Cuts all connections and refuses new ones, until it is told to accept them again.
    package func refuse(_ isRefusing: Bool) {
        state.withLock { $0.isRefusing = isRefusing }
        if isRefusing { cut() }
    }

    /// Directs new connections to another server; existing ones stay. A client whose connection is cut then reconnects
    /// to that server, as one does that knows several.
    public func redirect(to server: ZooKeeperServer) { state.withLock { $0.serverPort = server.port } }

    /// Announces pipelines: holds replies back until all requests of a pipeline are under way.
    ///
    /// A client that waits for a reply in the middle of a pipeline never gets it, so a test that passes shows that it
    /// does not wait; and the count of round trips does not depend on how busy the machine is.
    ///
    /// - Parameter sizes: The number of requests of each of the next pipelines.
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
        connection.run { [self] direction, frame in decide(frame, direction, of: connection) }
        state.withLock { $0.connections[connection.number] = nil }
    }

    /// Counts a message, decides how it is treated, and holds it back for as long as it has to be.
    private func decide(
        _ frame: Frame, _ direction: RelayConnection.Direction, of connection: RelayConnection
    ) -> RelayConnection.Action {
        let (message, effect) = state.withLock { state in
            let message = connection.parser.withLock { parser in
                switch direction {
                case .toServer: parser.sent(frame, &state.traffic)
                case .toClient: parser.received(frame, &state.traffic)
                }
            }
            if case .request(let operation) = message.kind, state.pathsApart.contains(where: frame.contains) {
                state.requestsApart[operation, default: 0] += 1
            }
            let effect = state.faults.effect(on: message)
            if effect == .freeze { state.frozenConnections.insert(connection.number) }
            return (message, effect)
        }
        condition.changed()
        switch effect {
        case .cut: return .cut
        case .drop: return .drop
        case .delay(let duration): BlockingCondition.pause(duration)
        case .freeze, nil: break
        }
        condition.wait { passes(message, direction, of: connection) }
        return .pass
    }

    /// Returns whether a message may pass now, and notes that it does.
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
