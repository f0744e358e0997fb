// SPDX-License-Identifier: Apache-2.0

/// The state of a session.
@nonexhaustive
public enum SessionState: Sendable, Hashable {
    /// No server has accepted the session yet.
    case connecting
    /// Connected to a server.
    case connected(SessionID)
    /// Not connected; the session lives on the server, and reconnecting keeps everything. Nothing is proven of it after
    /// `expiresBy`.
    case suspended(SessionID, expiresBy: ContinuousClock.Instant)
    /// Not heard of for so long that the servers may have ended the session. Still trying to reconnect; it may come
    /// back.
    case overdue(SessionID)
    /// The session has ended and will not come back. Its ephemeral nodes are gone, or will go when the servers notice.
    case lost(LossReason)
    /// Closed by its owner.
    case closed

    /// Tells whether the session has ended.
    public var isFinal: Bool {
        switch self {
        case .lost, .closed: true
        default: false
        }
    }

    var isConnected: Bool {
        if case .connected = self { return true }
        return false
    }
}

extension SessionState: CustomStringConvertible {
    /// For people and logs.
    public var description: String {
        switch self {
        case .connecting: "connecting"
        case .connected(let id): "connected, session \(id)"
        case .suspended(let id, let expiresBy): "suspended, session \(id), nothing proven after \(UTCTime(expiresBy))"
        case .overdue(let id): "overdue, session \(id)"
        case .lost(let reason): "lost: \(reason)"
        case .closed: "closed"
        }
    }
}

/// Why a session was lost.
@nonexhaustive
public enum LossReason: Sendable, Hashable, CustomStringConvertible {
    /// The servers ended it: they had not heard of it for its time-out, or someone ended it for us.
    case expired
    /// Nothing was heard of any server for so long (`abandonAfter`) that it was given up.
    case abandoned
    /// The servers refused the credentials, or want clients to show some.
    case authenticationFailed
    /// The peer that answered is no ZooKeeper server, or a broken one.
    case protocolViolation(String)
    /// No connection could be tried at all, for example because no name of a server could be resolved.
    case unreachable(String)

    /// For people.
    public var description: String {
        switch self {
        case .expired: "the servers ended it"
        case .abandoned: "no server answered for too long"
        case .authenticationFailed: "the servers refused the credentials, or want clients to authenticate"
        case .protocolViolation(let detail): "the peer is not a ZooKeeper server: \(detail)"
        case .unreachable(let detail): detail
        }
    }

    /// The reason without its details, for metrics.
    package var label: String {
        switch self {
        case .expired: "expired"
        case .abandoned: "abandoned"
        case .authenticationFailed: "authenticationFailed"
        case .protocolViolation: "protocolViolation"
        case .unreachable: "unreachable"
        }
    }

    package var code: ZooKeeperError.Code {
        switch self {
        case .expired, .abandoned: .sessionLost
        case .authenticationFailed: .authenticationFailed
        case .protocolViolation: .protocolViolation
        case .unreachable: .connectTimeout
        }
    }
}
