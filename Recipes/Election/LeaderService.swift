#if ServiceLifecycle
import Logging
public import ServiceLifecycle
import ZooKeeper

/// A service that does its work while it leads: stands as a candidate, works, stands again, until the process ends.
///
/// ```swift
/// let scheduler = LeaderService(election) { lease in
///     for try await job in jobs { try await run(job, fence: lease.fencingToken) }
/// }
/// let group = ServiceGroup(services: [client, scheduler], gracefulShutdownSignals: [.sigterm], logger: logger)
/// try await group.run()
/// ```
///
/// * When leadership is lost, the work is cancelled; when it has ended, the service stands again at the end of the line, after a
///   pause that grows while one term after another is lost at once.
/// * When the work returns, the service stands again, in the transaction that gives up its place at the front.
/// * When the work throws, the service resigns and throws that error, which ends the group.
/// * When it cannot stand, for lack of a connection or of rights, it logs that and tries again.
/// * When the servers refuse to delete its node, nobody can lead before they do: it logs that once, as an error, and stands again
///   when the node is gone.
/// * On a graceful shutdown the work is cancelled, and when it has ended the service resigns before it returns. So the next
///   leader is elected at once and not when the session expires. Give the client a place *before* this service in the
///   group: services shut down in reverse order.
public struct LeaderService: Service {
    private let election: ZooKeeperElection
    private let work: @Sendable (LockLease) async throws -> Void

    /// - Parameters:
    ///   - election: Where to stand.
    ///   - work: What to do while leading.
    public init(_ election: ZooKeeperElection, work: @escaping @Sendable (LockLease) async throws -> Void) {
        self.election = election
        self.work = work
    }

    public func run() async throws {
        try await cancelWhenGracefulShutdown { [election, work] in
            var attempt = 0
            var hasToldRefusal = false
            while !Task.isCancelled {
                var workError: (any Error)?
                var electedAt: ContinuousClock.Instant?
                do {
                    try await election.withTerms { lease in
                        electedAt = .now
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
                    // Leadership itself was lost; the work was told so, whatever it threw. A term of some length shows that the
                    // next one is worth standing for at once.
                    let isLongTerm = electedAt.map { $0.duration(to: .now) > .seconds(10) } ?? false
                    attempt = isLongTerm ? 1 : attempt + 1
                    await Backoff().pause(beforeAttempt: attempt)
                } catch let error as LockError where error.code == .unavailable || error.code == .notReleased {
                    if Task.isCancelled { return }
                    if let workError { throw workError }
                    if error.underlying?.code == .closed { throw error }
                    let isRefusal = error.code == .notReleased || error.underlying?.code == .noAuth
                    if !isRefusal || !hasToldRefusal { tell(error, isRefusal: isRefusal) }
                    hasToldRefusal = hasToldRefusal || isRefusal
                    // What waits for a session waits by itself; this keeps a refusal from spinning.
                    attempt += 1
                    await Backoff().pause(beforeAttempt: attempt)
                } catch {
                    if Task.isCancelled { return }
                    // The work was cancelled because somebody closes the client.
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
        if error.code == .notReleased || error.underlying?.operation == "delete" {
            election.client.logger.error(
                """
                Nobody can lead: the servers refuse to delete the node of this candidate, who has resigned. It needs the \
                permission DELETE on the directory. Trying again until the node is gone
                """, metadata: metadata)
        } else if isRefusal {
            election.client.logger.error(
                "Cannot stand for election: this client has not the permissions on the directory; trying again",
                metadata: metadata)
        } else {
            election.client.logger.info("Cannot stand for election; trying again", metadata: metadata)
        }
    }
}
#endif
