import Dispatch
import ZooKeeper

extension InMemoryZooKeeper {
    /// The state of one client: the same that the C client keeps of its connection.
    struct Client {
        /// A message to the client.
        enum Notice {
            case connected(SessionID, timeout: Duration)
            case answer(any TransportRequest, xid: Int32, Zxid, Result<Response.Kind, ResultFailure>)
            case event(WatchEvent.Kind, path: String)
            case watchesSet(Zxid)
            /// The connection is gone, and these requests with it.
            case disconnected([any TransportRequest])
            case expired
            case authenticationFailed
            case closed(done: @Sendable () -> Void)
        }

        let timeout: Duration
        /// The queue on which the client is told, one thing after the other.
        let queue: DispatchQueue
        let delegate: any SessionTransportDelegate
        var credentials: [Credential]
        var session: SessionID?
        var connection: ZooKeeperModel.ConnectionID?
        /// The client wants no connection any more.
        var isOver = false
        private(set) var notices: [Notice] = []
        /// Tells whether the messages are being delivered.
        private(set) var isTelling = false
        private var underWay: [Int32: any TransportRequest] = [:]
        private var lastXid: Int32 = 0
        /// The last transaction it has seen.
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

        /// Takes in what the server sends.
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

        /// The connection is gone.
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

        /// The client has no use for anything any more.
        mutating func close(done: @escaping @Sendable () -> Void) {
            connection = nil
            underWay = [:]
            notices = [.closed(done: done)]
        }

        /// - Returns: `true` if the caller has to deliver the messages.
        mutating func beginTelling() -> Bool {
            if isTelling || notices.isEmpty { return false }
            isTelling = true
            return true
        }

        /// Takes out what is to be told now. Changes the client's own list of watches as the telling does.
        mutating func takeNotices() -> [Notice] {
            isTelling = !notices.isEmpty
            defer { notices = [] }
            notices.forEach { note($0) }
            return notices
        }

        /// The rules are those of the C client's three tables.
        private mutating func note(_ notice: Notice) {
            switch notice {
            case .watchesSet(let zxid): seen = max(seen, zxid)
            case .answer(let request, _, let zxid, let result):
                seen = max(seen, zxid)
                note(request.request, result)
            case .event(let kind, let path):
                if kind != .childrenChanged {
                    dataWatches.remove(path)
                    existenceWatches.remove(path)
                }
                if kind == .childrenChanged || kind == .deleted { childWatches.remove(path) }
            default: break
            }
        }

        private mutating func note(_ request: Request, _ result: Result<Response.Kind, ResultFailure>) {
            let isSet = request.watch != nil
            switch (request.kind, result) {
            case (.getData(let path), .success), (.exists(let path), .success):
                if isSet { dataWatches.insert(path) }
            case (.exists(let path), .failure(let failure)) where failure.code == .noNode:
                if isSet { existenceWatches.insert(path) }
            case (.getChildren(let path), .success):
                if isSet { childWatches.insert(path) }
            case (.removeWatches(let path, .dataAndExistence), .success):
                dataWatches.remove(path)
                existenceWatches.remove(path)
            case (.removeWatches(let path, .children), .success): childWatches.remove(path)
            default: break
            }
        }

        /// The watches that a new connection sets again; `nil` if there are none.
        func watches(for connection: ZooKeeperModel.ConnectionID) -> ZooKeeperModel.Event? {
            if dataWatches.isEmpty, existenceWatches.isEmpty, childWatches.isEmpty { return nil }
            return .setWatches(
                connection, after: seen, data: dataWatches.sorted(), existence: existenceWatches.sorted(),
                children: childWatches.sorted())
        }
    }
}
