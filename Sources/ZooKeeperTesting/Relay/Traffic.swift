/// What has gone over a relay: requests by type, round trips, answers, watch events, bytes.
///
/// Pings, handshakes and the packet that sets watches again after a reconnect are counted in ``bytesSent`` and
/// ``bytesReceived`` only.
public struct Traffic: Sendable, Hashable, CustomStringConvertible {
    /// How many requests of each type.
    public var requests: [OperationCode: Int] = [:]
    /// How many requests were sent while nothing else of their connection was unanswered.
    public var roundTrips = 0
    /// How many answers came.
    public var replies = 0
    /// How many of them were errors.
    public var errorReplies = 0
    /// How many watches fired.
    public var watchEvents = 0
    /// How many connections clients have made.
    public var connections = 0
    /// From clients to the server, with everything.
    public var bytesSent = 0
    /// From the server to clients, with everything.
    public var bytesReceived = 0

    /// Nothing.
    public init() {}

    /// How many requests in all.
    public var requestCount: Int { requests.values.reduce(0, +) }

    /// How many requests that change something.
    public var writeCount: Int {
        let writes: Set<OperationCode> = [
            .create, .create2, .createContainer, .createTTL, .delete, .setData, .setACL, .multi,
        ]
        return requests.reduce(0) { $0 + (writes.contains($1.key) ? $1.value : 0) }
    }

    /// What has gone over since `earlier`.
    public static func - (later: Traffic, earlier: Traffic) -> Traffic {
        var difference = later
        difference.requests = later.requests.merging(earlier.requests, uniquingKeysWith: -).filter { $0.value != 0 }
        difference.roundTrips -= earlier.roundTrips
        difference.replies -= earlier.replies
        difference.errorReplies -= earlier.errorReplies
        difference.watchEvents -= earlier.watchEvents
        difference.connections -= earlier.connections
        difference.bytesSent -= earlier.bytesSent
        difference.bytesReceived -= earlier.bytesReceived
        return difference
    }

    /// For people, for example `create2 1, getChildren2 1 in 1 round trip`.
    public var description: String {
        let list = requests.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.key) \($0.value)" }
        return "\(list.joined(separator: ", ")) in \(roundTrips) round trip\(roundTrips == 1 ? "" : "s")"
    }
}

/// Follows one connection and adds what it sees to a ``Traffic``: no I/O, no clock.
struct TrafficParser {
    private var isHandshakeSent = false
    private var isHandshakeReceived = false
    private var unanswered = 0

    init() {}

    /// A message from the client.
    ///
    /// - Returns: What it asks for, if it is counted as a request.
    @discardableResult
    mutating func sent(_ frame: Frame, _ traffic: inout Traffic) -> OperationCode? {
        traffic.bytesSent += frame.bytes.count + 4
        guard isHandshakeSent else {
            isHandshakeSent = true
            return nil
        }
        guard let code = frame.number(at: 4, as: Int32.self) else { return nil }
        let operation = OperationCode(rawValue: code)
        if operation == .ping || operation == .setWatches { return nil }
        traffic.requests[operation, default: 0] += 1
        if unanswered == 0 { traffic.roundTrips += 1 }
        unanswered += 1
        return operation
    }

    /// Whether a message from the server is the answer to a counted request.
    func isReply(_ frame: Frame) -> Bool {
        guard isHandshakeReceived, let number = frame.number(at: 0, as: Int32.self) else { return false }
        // An event; the answers to a ping and to the packet that sets watches again.
        return ![-1, -2, -8].contains(number)
    }

    /// A message from the server.
    mutating func received(_ frame: Frame, _ traffic: inout Traffic) {
        traffic.bytesReceived += frame.bytes.count + 4
        if isReply(frame) {
            unanswered -= 1
            traffic.replies += 1
            if frame.number(at: 12, as: Int32.self) != 0 { traffic.errorReplies += 1 }
        } else if isHandshakeReceived, frame.number(at: 0, as: Int32.self) == -1 {
            traffic.watchEvents += 1
        }
        isHandshakeReceived = true
    }
}
