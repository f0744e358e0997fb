// SPDX-License-Identifier: Apache-2.0

#if ServiceLifecycle
import Logging
public import ServiceLifecycle
import ZooKeeper

/// A service that does its work while it leads: becomes a candidate, works, and requeues, until the process ends.
///
/// ```swift
/// let scheduler = LeaderService(election) { lease in
///     for try await job in jobs { try await run(job, fence: lease.fencingToken) }
/// }
/// let group = ServiceGroup(services: [client, scheduler], gracefulShutdownSignals: [.sigterm], logger: logger)
/// try await group.run()
/// ```
///
/// * When leadership is lost, the work is cancelled; when it has ended, the service joins again at the end of the
///   queue, after a pause that grows while one term after another is lost at once.
/// * When the work returns, the service requeues: one transaction moves it to the end of the queue.
/// * When the work throws, the service resigns and throws that error, which ends the group.
/// * When it cannot become a candidate, for lack of a connection or of permissions, it logs that and tries again.
/// * When another kind of lock is in use at its path, it throws `mixedKinds` at the beginning; once it has been a candidate,
///   it logs that once, as an error, and becomes a candidate again when the other is gone.
/// * When the servers refuse to delete its node, nobody can lead before they do: it logs that once, as an error, and
///   becomes a candidate again when the node is gone.
/// * On a graceful shutdown the work is cancelled, and when it has ended the service resigns before it returns. So the
///   next leader is elected at once and not when the session expires. Put the client *before* this service in the
///   group: services shut down in reverse order.
public struct LeaderService: Service {
    private let election: ZooKeeperElection
    private let work: @Sendable (LockLease) async throws -> Void
    private let state = LeadershipState()

    /// Tells whether this service leads now, for example for a readiness probe that lets only the leader have traffic. It
    /// is `false` as soon as the lease is over, also while the work is still ending.
    public var isLeading: Bool { state.isLeading }

    /// The terms of this service, as they begin and end: see ``LeadershipTerms``.
    ///
    /// ```swift
    /// for await term in scheduler.terms { metrics.leading.record(term == nil ? 0 : 1) }
    /// ```
    public var terms: LeadershipTerms { state.stream }

    /// Creates a service that becomes a candidate when it runs.
    ///
    /// - Parameters:
    ///   - election: The election to take part in.
    ///   - work: The work of the leader.
    public init(_ election: ZooKeeperElection, work: @escaping @Sendable (LockLease) async throws -> Void) {
        self.election = election
        self.work = work
    }

    public func run() async throws {
        try await cancelWhenGracefulShutdown { [election, work, state] in
            var attempt = 0
            var hasToldRefusal = false
            var hasJoined = false
            while !Task.isCancelled {
                var workError: (any Error)?
                var electedAt: ContinuousClock.Instant?
                let position = QueuePosition()
                do {
                    try await election.terms(position: position) { lease in
                        electedAt = .now
                        let term = state.begin(lease)
                        defer { state.end(term) }
                        hasToldRefusal = false
                        do {
                            try await work(lease)
                            // Work that was cancelled may return too, and that is no success: the term is lost, or the
                            // last one.
                            if Task.isCancelled { return .resign }
                            attempt = 0
                            return .requeue
                        } catch {
                            workError = error
                            throw error
                        }
                    }
                } catch let error as LockError where error.code == .lost && error.path == election.path {
                    // Leadership itself was lost; the work was told so, whatever it threw. A term of some length shows
                    // that the next one is worth trying for at once.
                    hasJoined = true
                    let isLongTerm = electedAt.map { $0.duration(to: .now) > .seconds(10) } ?? false
                    attempt = isLongTerm ? 1 : attempt + 1
                    await Backoff().pause(beforeAttempt: attempt)
                } catch let error as LockError
                    where error.code == .unavailable || error.code == .notReleased
                    || (error.code == .mixedKinds && (hasJoined || position.hasJoined))
                {
                    hasJoined = hasJoined || position.hasJoined
                    if Task.isCancelled { return }
                    if let workError { throw workError }
                    if error.underlying?.code == .closed { throw error }
                    let isRefusal =
                        error.code == .notReleased || error.code == .mixedKinds || error.underlying?.code == .noAuth
                    if !isRefusal || !hasToldRefusal { tell(error, isRefusal: isRefusal) }
                    hasToldRefusal = hasToldRefusal || isRefusal
                    // What waits for a session waits by itself; this keeps a refusal from spinning.
                    attempt += 1
                    await Backoff().pause(beforeAttempt: attempt)
                } catch {
                    if Task.isCancelled { return }
                    // The work was cancelled because the client is being closed.
                    if workError is CancellationError, election.client.isClosing {
                        throw LockError(.unavailable, path: election.path, underlying: ZooKeeperError(.closed))
                    }
                    throw workError ?? error
                }
            }
        }
    }

    private func tell(_ error: LockError, isRefusal: Bool) {
        let metadata: Logger.Metadata = [
            LogKeys.lockPath: "\(election.path)",
            LogKeys.errorCode: "\(error.underlying?.code.description ?? error.code.description)",
        ]
        if error.code == .mixedKinds {
            election.client.logger.error(
                """
                Cannot take part in the election any more: another kind of lock is in use at its path, and the two do not \
                exclude each other. Give each kind a path of its own; retrying until the other one is gone
                """, metadata: metadata.merging([LogKeys.foreignNode: "\(error.foreignNode ?? "")"]) { $1 })
        } else if error.code == .notReleased || error.underlying?.operation == "delete" {
            election.client.logger.error(
                """
                No candidate can lead: the servers refuse to delete the node of this one, which has resigned. Grant this \
                client the permission DELETE on the directory, or delete the node; retrying until it is gone
                """, metadata: metadata)
        } else if isRefusal {
            election.client.logger.error(
                "Cannot take part in the election: this client lacks permissions on the directory; retrying",
                metadata: metadata)
        } else {
            election.client.logger.info("Cannot take part in the election; retrying", metadata: metadata)
        }
    }
}
#endif
