// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Synchronization
import ZooKeeper

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension InMemoryZooKeeper {
    /// The server and its clients, with the messages between them. Guarded by the server's mutex; nothing here calls
    /// code outside of it.
    struct State {
        var model = ZooKeeperModel()
        /// The number of scopes in which all connections are refused.
        private var refusals = 0
        /// The number of scopes in which the connections of a session are refused.
        private var refused: [SessionID: Int] = [:]
        /// The type of request in place of whose next answer the connection is cut.
        var replyToLose: OperationCode?
        private var clients: [Int: Client] = [:]
        private var lastClient = 0
        private var lastConnection = 0
        /// The number of the client of each connection.
        private var clientNumbers: [ZooKeeperModel.ConnectionID: Int] = [:]
        /// The clients that connect when the refusal ends.
        private var waiting: Set<Int> = []
        /// The last connection of each session that lost one.
        private var lastConnections: [SessionID: ZooKeeperModel.ConnectionID] = [:]
        private let startedAt = ContinuousClock.now
        private let timeAtStart = Int64(time(nil)) * 1_000

        /// Applies an event to the model, and hands its outputs to the clients.
        mutating func apply(_ event: ZooKeeperModel.Event, _ server: InMemoryZooKeeper) {
            model.time = timeAtStart + (ContinuousClock.now - startedAt).wholeMilliseconds
            for output in model.apply(event) {
                guard let number = clientNumbers[output.connection] else { continue }
                clients[number]?.receive(output)
                if case .closed(let connection) = output { release(connection, server) }
                if case .expired(let connection) = output { release(connection, server) }
                deliver(number, server)
            }
        }

        // MARK: Connections

        mutating func add(_ client: Client) -> Int {
            lastClient += 1
            clients[lastClient] = client
            return lastClient
        }

        mutating func connect(_ number: Int, _ server: InMemoryZooKeeper) {
            guard let client = clients[number], !client.isOver, client.connection == nil else { return }
            guard refusals == 0, client.session.map({ refused[$0] == nil }) ?? true else {
                waiting.insert(number)
                return
            }
            lastConnection += 1
            let connection = ZooKeeperModel.ConnectionID(lastConnection)
            clientNumbers[connection] = number
            clients[number]?.connection = connection
            apply(.connect(connection, session: client.session), server)
            // First credentials, then watches, in the C client's order.
            for credential in client.credentials where clientNumbers[connection] != nil {
                apply(
                    .request(connection, xid: -4, Request(.authenticate(credential)).rooted(at: .root), watch: false),
                    server)
            }
            if clientNumbers[connection] != nil, let watches = client.watches(for: connection) {
                apply(watches, server)
            }
        }

        mutating func cut(_ server: InMemoryZooKeeper) {
            for connection in clientNumbers.keys.sorted() { cut(connection, server) }
        }

        mutating func cut(_ connection: ZooKeeperModel.ConnectionID, _ server: InMemoryZooKeeper) {
            guard let number = clientNumbers[connection] else { return }
            apply(.disconnect(connection), server)
            clients[number]?.disconnect(losingAnswers: true)
            release(connection, server)
            deliver(number, server)
        }

        /// Cuts connections and refuses new ones.
        ///
        /// - Parameter session: The session whose connections are refused; `nil`: all.
        mutating func beginRefusal(of session: SessionID?, _ server: InMemoryZooKeeper) {
            guard let session else {
                refusals += 1
                return cut(server)
            }
            refused[session, default: 0] += 1
            if let connection = model.sessions[session] ?? nil { cut(connection, server) }
        }

        /// Ends one refusal, and connects the clients that wait for it.
        mutating func endRefusal(of session: SessionID?, _ server: InMemoryZooKeeper) {
            if let session {
                let count = refused[session] ?? 1
                refused[session] = count > 1 ? count - 1 : nil
            } else {
                refusals -= 1
            }
            let clients = waiting.sorted()
            waiting = []
            for number in clients { connect(number, server) }
        }

        /// Removes a connection. Its session, if it lives, expires unless it has another one within its time-out.
        private mutating func release(_ connection: ZooKeeperModel.ConnectionID, _ server: InMemoryZooKeeper) {
            guard let number = clientNumbers.removeValue(forKey: connection), let client = clients[number],
                let session = client.session, model.sessions[session] != nil
            else { return }
            lastConnections[session] = connection
            Deadlines.shared.schedule(at: .now + client.timeout) { [weak server] in
                guard let server else { return }
                server.state.withLock { $0.expire(session, ifNotConnectedSince: connection, server) }
            }
        }

        private mutating func expire(
            _ session: SessionID, ifNotConnectedSince connection: ZooKeeperModel.ConnectionID,
            _ server: InMemoryZooKeeper
        ) {
            // A connection made later, and lost too, has a deadline of its own.
            guard model.sessions[session] == .some(nil), lastConnections[session] == connection else { return }
            apply(.expire(session), server)
            lastConnections[session] = nil
        }

        // MARK: Requests

        mutating func issue(
            _ request: any TransportRequest, from number: Int, _ server: InMemoryZooKeeper
        ) -> ResultCode? {
            guard let client = clients[number], !client.isOver else { return .invalidState }
            guard let connection = client.connection, let xid = clients[number]?.issue(request) else {
                return .connectionLoss
            }
            let action = request.request.action
            if case .authenticate(let credential) = action, !client.credentials.contains(credential) {
                clients[number]?.credentials.append(credential)
            }
            apply(.request(connection, xid: xid, request.request, watch: request.setsWatch), server)
            if let replyToLose, replyToLose == action.operationCode {
                self.replyToLose = nil
                cut(connection, server)
            }
            return nil
        }

        mutating func close(_ number: Int, _ server: InMemoryZooKeeper, done: @escaping @Sendable () -> Void) {
            clients[number]?.isOver = true
            if let connection = clients[number]?.connection { apply(.closeSession(connection, xid: 0), server) }
            if let session = clients[number]?.session, model.sessions[session] == nil { lastConnections[session] = nil }
            clients[number]?.close(done: done)
            deliver(number, server)
        }

        // MARK: Delivery

        /// Schedules the delivery of a client's notices on its queue.
        private mutating func deliver(_ number: Int, _ server: InMemoryZooKeeper) {
            guard clients[number]?.beginDelivery() == true else { return }
            clients[number]?.queue.async { server.deliver(to: number) }
        }

        mutating func takeNotices(of number: Int) -> (any SessionTransportDelegate, [Client.Notice])? {
            guard let client = clients[number], let notices = clients[number]?.takeNotices(), !notices.isEmpty else {
                return nil
            }
            return (client.delegate, notices)
        }

        /// Removes a client.
        ///
        /// - Returns: The client, for the caller to release outside of the lock: its delegate must not be deallocated
        ///   under it.
        mutating func remove(_ number: Int) -> Client? { clients.removeValue(forKey: number) }
    }
}

extension Action {
    fileprivate var operationCode: OperationCode {
        switch self {
        case .create(_, let mode, _):
            switch mode.lifetime {
            case .persistent, .ephemeral: .create2
            case .container: .createContainer
            case .timeToLive: .createTTL
            }
        case .delete: .delete
        case .exists: .exists
        case .getData: .getData
        case .setData: .setData
        case .getChildren: .getChildren2
        case .getAccessControl: .getACL
        case .setAccessControl: .setACL
        case .sync: .sync
        case .transaction: .multi
        case .removeWatches: .removeWatches
        case .authenticate: .auth
        case .reconfigure: .reconfig
        }
    }
}
