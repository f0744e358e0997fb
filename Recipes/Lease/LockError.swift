// SPDX-License-Identifier: Apache-2.0

public import ZooKeeper

/// Why a lock was not had, or was lost.
///
/// ```swift
/// do {
///     try await lock.withLock(waitingUpTo: .seconds(5)) { lease in ... }
/// } catch LockError.Code.timedOut {
///     // another participant has it
/// }
/// ```
///
/// If something is wrong with the client, its error is ``underlying``, and `catch ZooKeeperError.Code.noAuth` works
/// too.
public struct LockError: Error, Sendable, CustomStringConvertible {
    /// A kind of failure. New codes may come with new versions.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private let name: String

        private init(_ name: String) { self.name = name }

        /// The code's name.
        public var description: String { name }

        /// The lock was held and has been lost; see ``LockError/loss``. Thrown after the body has ended.
        public static let lost = Code("lost")
        /// The lock was held and the body has ended, but the servers refuse to delete its node, see
        /// ``LockError/underlying``: nobody else gets the lock before they do, or before the session ends. Until then
        /// other acquisitions of this client at this path fail with `unavailable` at once.
        public static let notReleased = Code("notReleased")
        /// It may have been lost: nothing has been heard from the leader until ``LockLease/expiresBy``. Only under
        /// ``LossPolicy/onExpiry``, where the lock goes on if the session does and its node is there.
        public static let unconfirmed = Code("unconfirmed")
        /// It was not had in the time given; ``LockError/holder`` says who was in the way. Nothing was left behind.
        public static let timedOut = Code("timedOut")
        /// The task that waited was cancelled. Nothing was left behind.
        public static let cancelled = Code("cancelled")
        /// The lock is held by a scope around this task, which is not that scope's own task: waiting for it could last
        /// for ever.
        public static let heldByEnclosingScope = Code("heldByEnclosingScope")
        /// Another kind of lock is in use at the same path: the two would not exclude each other.
        /// ``LockError/foreignNode`` is one of its nodes. Give each kind a path of its own, or choose the naming scheme of
        /// the others; or see ``MixedKindsPolicy``.
        public static let mixedKinds = Code("mixedKinds")
        /// The body was cancelled because it held the lock for longer than it may, and it threw.
        public static let heldTooLong = Code("heldTooLong")
        /// The lease is of a scope that has ended.
        public static let scopeEnded = Code("scopeEnded")
        /// The numbers of the lock's directory have run out (2^31 - 1 nodes were created in it): no order could be
        /// trusted any more. Delete the directory when nobody uses it.
        public static let sequenceExhausted = Code("sequenceExhausted")
        /// Something is wrong with the client, the session or the rights; see ``LockError/underlying``.
        public static let unavailable = Code("unavailable")

        /// Lets a code stand in a `catch`: `catch LockError.Code.timedOut`.
        public static func ~= (code: Code, error: any Error) -> Bool { (error as? LockError)?.code == code }
    }

    /// The kind of failure.
    public var code: Code
    /// The path of the lock.
    public var path: ZNodePath
    /// With `lost`: how.
    public var loss: LockLoss?
    /// With `timedOut`: the node of the participant that was first in the queue, if it was known.
    public var holder: String?
    /// With `timedOut`: the name that this participant has given itself (``Participant/id``), if it could be read.
    public var holderID: String?
    /// With `timedOut`: the moment at which it joined the queue (``Participant/since``), if it could be read.
    public var holderSince: Int64?
    /// A node in the lock's directory that is of another kind of lock, if one was seen: that participant and this client do
    /// not exclude each other. If a lock does not seem to exclude, look here first.
    public var foreignNode: String?
    /// With `unavailable` and `notReleased`: the error of the client. With `timedOut`: what was wrong with the connection when
    /// the time was up, if something was: then perhaps nobody was in the way.
    public var underlying: ZooKeeperError?
    /// With `lost` and `heldTooLong`: what the body threw when it was cancelled. With `notReleased`: what it threw, if it did.
    public var bodyError: (any Error)?

    package init(
        _ code: Code, path: ZNodePath, loss: LockLoss? = nil, holder: String? = nil,
        foreignNode: String? = nil, underlying: ZooKeeperError? = nil, bodyError: (any Error)? = nil
    ) {
        self.code = code
        self.path = path
        self.loss = loss
        self.holder = holder
        self.foreignNode = foreignNode
        self.underlying = underlying
        self.bodyError = bodyError
    }

    /// One line for logs.
    public var description: String {
        var text = "LockError.\(code) \(path)"
        if let loss { text += ": \(loss)" }
        if let holder {
            text += holderID.map { ", held by \($0) with the node \(holder)" } ?? ", held by \(holder)"
            if let holderSince { text += ", in the queue since \(UTCTime(millisecondsSince1970: holderSince))" }
        }
        if code == .mixedKinds, let foreignNode {
            text += """
                : \(foreignNode) is a node of another kind of lock, which this one does not exclude; give each kind a path of its \
                own, or choose its naming scheme
                """
        } else if let foreignNode {
            text += "; \(foreignNode) in the same directory is a node of another kind of lock"
        }
        if let underlying { text += ": \(underlying)" }
        if let bodyError { text += "; the body threw \(bodyError)" }
        return text
    }
}

extension LockError: CarriesZooKeeperError {
    package var carriedError: ZooKeeperError? { underlying }
}

/// The cause by which a lock was lost: the news that came first. An expired session may show as `nodeDeleted`, because
/// the servers remove its nodes before they cut its connection.
@nonexhaustive
public enum LockLoss: Sendable, Hashable, CustomStringConvertible {
    /// The connection was lost, and by its ``LossPolicy`` the lock with it.
    case connectionLost
    /// Nothing was heard from the leader until the lease's ``LockLease/expiresBy``: the servers may have given the
    /// lock to another participant.
    case deadlinePassed
    /// The session ended.
    case sessionEnded(SessionState)
    /// The lock's node is gone: an operator or a client deleted it, or the servers did as they ended the session.
    case nodeDeleted

    /// The cause without its details, for metrics.
    package var label: String {
        switch self {
        case .connectionLost: "connectionLost"
        case .deadlinePassed: "deadlinePassed"
        case .sessionEnded: "sessionEnded"
        case .nodeDeleted: "nodeDeleted"
        }
    }

    /// For people.
    public var description: String {
        switch self {
        case .connectionLost: "the connection was lost"
        case .deadlinePassed: "nothing was heard from the leader in time"
        case .sessionEnded(.lost(let reason)): "the session is lost: \(reason)"
        case .sessionEnded: "the session was closed"
        case .nodeDeleted: "its node was deleted"
        }
    }
}
