// SPDX-License-Identifier: Apache-2.0

/// The traffic over a relay: requests by type, round trips, replies, watch events, bytes.
///
/// Pings, handshakes and the packet that sets watches again after a reconnect are counted in ``bytesSent`` and
/// ``bytesReceived`` only.
public struct Traffic: Sendable, Hashable, CustomStringConvertible {
    /// The number of requests of each type.
    public var requests: [OperationCode: Int] = [:]
    /// The number of round trips: over all connections, the sum of the longest chain of requests of which each came
    /// after the reply to the one before had been passed on.
    ///
    /// A reply that is held back has not been passed on, so the count shows what the client waits for, not when the
    /// server replies. Requests that are sent together are certain to count as one round trip if they were announced
    /// with ``ZooKeeperRelay/expectPipelines(_:)``; otherwise an early reply may overtake a late request, which then
    /// counts as the next round trip.
    public var roundTrips = 0
    /// The number of replies.
    public var replies = 0
    /// The number of replies that were errors.
    public var errorReplies = 0
    /// The number of watch events.
    public var watchEvents = 0
    /// The number of connections that clients have made.
    public var connections = 0
    /// The number of bytes from clients to the server, of all messages.
    public var bytesSent = 0
    /// The number of bytes from the server to clients, of all messages.
    public var bytesReceived = 0

    /// Creates a value without any traffic.
    public init() {}

    /// The number of requests of all types.
    public var requestCount: Int { requests.values.reduce(0, +) }

    /// The number of requests that change nodes.
    public var writeCount: Int {
        let writes: Set<OperationCode> = [
            .create, .create2, .createContainer, .createTTL, .delete, .setData, .setACL, .multi,
        ]
        return requests.reduce(0) { $0 + (writes.contains($1.key) ? $1.value : 0) }
    }

    /// Returns the traffic between two moments.
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

    /// The requests and round trips in words, for example `create2 1, getChildren2 1 in 1 round trip`.
    public var description: String {
        let list = requests.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.key) \($0.value)" }
        return "\(list.joined(separator: ", ")) in \(roundTrips) round trip\(roundTrips == 1 ? "" : "s")"
    }
}
