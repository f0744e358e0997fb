// SPDX-License-Identifier: Apache-2.0

import Dispatch
import ZooKeeper

extension InMemoryZooKeeper {
    /// The state of one client: its session, watches and requests under way, as the C client keeps them.
    struct Client {
        /// A message to the client that has not been delivered yet.
        enum Notice {
            case connected(SessionID, timeout: Duration)
            case answer(any TransportRequest, xid: Int32, Zxid, Result<ServerResponse, ResultFailure>)
            case event(WatchEvent.Kind, path: String)
            case watchesSet(Zxid)
            /// The connection is lost, and these requests with it.
            case disconnected([any TransportRequest])
            case expired
            case authenticationFailed
            case closed(done: @Sendable () -> Void)
        }

        let timeout: Duration
        /// The queue on which notices are delivered, one after the other.
        let queue: DispatchQueue
        let delegate: any SessionTransportDelegate
        var credentials: [Credential]
        var session: SessionID?
        var connection: ZooKeeperModel.ConnectionID?
        /// Indicates that the client does not connect again: it is closed, has expired, or has failed to authenticate.
        var isOver = false
        private(set) var notices: [Notice] = []
        /// Indicates whether a delivery of notices is scheduled or running.
        private(set) var isDelivering = false
        private var underWay: [Int32: any TransportRequest] = [:]
        private var lastXid: Int32 = 0
        /// The zxid of the last transaction that the client has seen.
        private var seen = Zxid(rawValue: 0)
        private var dataWatches: Set<String> = []
        private var existenceWatches: Set<String> = []
        private var childWatches: Set<String> = []

        init(
            timeout: Duration, queue: DispatchQueue, delegate: any SessionTransportDelegate, credentials: [Credential]
        ) {
            self.timeout = timeout
            self.queue = queue
            self.delegate = delegate
            self.credentials = credentials
        }

        /// Keeps a request until it is answered.
        ///
        /// - Returns: Its number.
        mutating func issue(_ request: any TransportRequest) -> Int32 {
            lastXid &+= 1
            underWay[lastXid] = request
            return lastXid
        }

        /// Takes an output of the server in.
        mutating func receive(_ output: ZooKeeperModel.Output) {
            switch output {
            case .connected(_, let session):
                self.session = session
                notices.append(.connected(session, timeout: timeout))
            case .expired:
                isOver = true
                connection = nil
                notices.append(.expired)
            case .reply(_, let xid, let zxid, let result):
                if let request = underWay.removeValue(forKey: xid) {
                    notices.append(.answer(request, xid: xid, zxid, result))
                } else if xid == ZooKeeperModel.setWatchesXid {
                    notices.append(.watchesSet(zxid))
                }
                if case .failure(let failure) = result, failure.code == .authFailed {
                    isOver = true
                    notices.append(.authenticationFailed)
                }
            case .event(_, let kind, let path): notices.append(.event(kind, path: path))
            case .closed: disconnect(losingAnswers: false)
            }
        }

        /// Drops the connection and fails the requests that were under way on it.
        ///
        /// - Parameter losingAnswers: Drops the answers too that have been sent and not delivered.
        mutating func disconnect(losingAnswers: Bool) {
            connection = nil
            var lost = underWay
            underWay = [:]
            if losingAnswers {
                for case .answer(let request, let xid, _, _) in notices { lost[xid] = request }
                notices = []
            }
            if !isOver { notices.append(.disconnected(lost.sorted { $0.key < $1.key }.map(\.value))) }
        }

        /// Discards all that is under way, and delivers only that the client is closed.
        mutating func close(done: @escaping @Sendable () -> Void) {
            connection = nil
            underWay = [:]
            notices = [.closed(done: done)]
        }

        /// Marks the delivery of notices as scheduled.
        ///
        /// - Returns: `true` if there is something to deliver and no delivery is scheduled: the caller schedules one.
        mutating func beginDelivery() -> Bool {
            if isDelivering || notices.isEmpty { return false }
            isDelivering = true
            return true
        }

        /// Takes the notices out for delivery, and updates the client's own tables of watches as their delivery does.
        mutating func takeNotices() -> [Notice] {
            isDelivering = !notices.isEmpty
            defer { notices = [] }
            notices.forEach { note($0) }
            return notices
        }

        /// Updates the tables of watches by the rules of the C client's three tables.
        private mutating func note(_ notice: Notice) {
            switch notice {
            case .watchesSet(let zxid): seen = max(seen, zxid)
            case .answer(let request, _, let zxid, let result):
                seen = max(seen, zxid)
                note(request, result)
            case .event(let kind, let path):
                if kind != .childrenChanged {
                    dataWatches.remove(path)
                    existenceWatches.remove(path)
                }
                if kind == .childrenChanged || kind == .deleted { childWatches.remove(path) }
            default: break
            }
        }

        private mutating func note(_ request: any TransportRequest, _ result: Result<ServerResponse, ResultFailure>) {
            guard let path = request.request.path?.string else { return }
            let isSet = request.setsWatch
            switch (request.request.action, result) {
            case (.getData, .success), (.exists, .success): if isSet { dataWatches.insert(path) }
            case (.exists, .failure(let failure)) where failure.code == .noNode:
                if isSet { existenceWatches.insert(path) }
            case (.getChildren, .success): if isSet { childWatches.insert(path) }
            case (.removeWatches(.dataAndExistence), .success):
                dataWatches.remove(path)
                existenceWatches.remove(path)
            case (.removeWatches(.children), .success): childWatches.remove(path)
            default: break
            }
        }

        /// The event that sets the client's watches again on a new connection; `nil` if it has none.
        func watches(for connection: ZooKeeperModel.ConnectionID) -> ZooKeeperModel.Event? {
            if dataWatches.isEmpty, existenceWatches.isEmpty, childWatches.isEmpty { return nil }
            return .setWatches(
                connection, after: seen, data: dataWatches.sorted(), existence: existenceWatches.sorted(),
                children: childWatches.sorted())
        }
    }
}
