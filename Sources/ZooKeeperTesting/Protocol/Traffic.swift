/// The traffic over a relay: requests by type, round trips, answers, watch events, bytes.
///
/// Pings, handshakes and the packet that sets watches again after a reconnect are counted in ``bytesSent`` and
/// ``bytesReceived`` only.
public struct Traffic: Sendable, Hashable, CustomStringConvertible {
    /// The number of requests of each type.
    public var requests: [OperationCode: Int] = [:]
    /// The sum over all connections of the longest chain of requests of which each came after the answer to the one
    /// before had been passed on.
    ///
    /// An answer that is held back has not been passed on, so the count shows what the client waits for, not when the
    /// server answers. Requests that are sent together are certain to be one round trip if the relay has been told of
    /// them with
    /// ``ZooKeeperRelay/expectPipelines(_:)``; if it has not, an early answer may overtake a late request, which then
    /// counts as the next round trip.
    public var roundTrips = 0
    /// The number of answers.
    public var replies = 0
    /// The number of answers that were errors.
    public var errorReplies = 0
    /// The number of watches that fired.
    public var watchEvents = 0
    /// The number of connections that clients have made.
    public var connections = 0
    /// From clients to the server, with everything.
    public var bytesSent = 0
    /// From the server to clients, with everything.
    public var bytesReceived = 0

    /// Nothing.
    public init() {}

    /// The number of requests in all.
    public var requestCount: Int { requests.values.reduce(0, +) }

    /// The number of requests that change something.
    public var writeCount: Int {
        let writes: Set<OperationCode> = [
            .create, .create2, .createContainer, .createTTL, .delete, .setData, .setACL, .multi,
        ]
        return requests.reduce(0) { $0 + (writes.contains($1.key) ? $1.value : 0) }
    }

    /// The traffic since `earlier`.
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
