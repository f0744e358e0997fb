// SPDX-License-Identifier: Apache-2.0

/// The trouble that ends a lock that is held: the earlier, the less can go wrong, and the more often work is stopped
/// for nothing.
///
/// Whatever it says, the lock is lost when its session ends and when its node is deleted.
@nonexhaustive
public enum LossPolicy: Sendable, Hashable {
    /// The loss of the connection, at once. As Curator's `StandardConnectionStateErrorPolicy`.
    case onSuspension
    /// The passing of ``LockLease/expiresBy``. By our own clock the servers cannot have given the lock to anybody else
    /// before; a connection that comes back in time changes nothing. The default.
    case onDeadline
    /// Only the end of the session. As Curator's `SessionConnectionStateErrorPolicy`.
    ///
    /// For work that is better done twice than stopped. Past ``LockLease/expiresBy`` another participant may hold the
    /// lock while the body still runs: ``LockLease/checkHeld(for:)`` then throws `unconfirmed`, until the session is
    /// connected again and the leader has said that the lock's node is there. Guarded transactions and fencing tokens
    /// protect as ever.
    case onExpiry
}

/// The event that a release waits for.
@nonexhaustive
public enum LockRelease: Sendable, Hashable {
    /// For the servers to say that the lock's node is gone; at most until ``LockLease/expiresBy``. The default.
    case acknowledged
    /// For nothing. The node is removed as surely and as soon; but the next to acquire may still find it there, the
    /// same client only if something else happens to the lock at that moment.
    case background
}
