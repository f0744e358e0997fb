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
/// * When leadership is lost, the work is cancelled; when it has ended, the service stands again at the end of the line.
/// * When the work returns, the service stands again, in the transaction that gives up its place at the front.
/// * When the work throws, the service resigns and throws that error, which ends the group.
/// * When it cannot stand, for lack of a connection or of rights, it logs that and tries again.
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
            while !Task.isCancelled {
                var workError: (any Error)?
                do {
                    try await election.withTerms { lease in
                        attempt = 0
                        do {
                            try await work(lease)
                            return Task.isCancelled ? .resign : .standAgain
                        } catch {
                            workError = error
                            throw error
                        }
                    }
                } catch let error as LockError where error.code == .lost && error.path == election.path {
                    // Leadership itself was lost; the work was told so, whatever it threw.
                    continue
                } catch {
                    if Task.isCancelled { return }
                    if let workError { throw workError }
                    guard let error = error as? LockError, error.code == .unavailable, error.underlying?.code != .closed
                    else { throw error }
                    // No session for too long. What waits for one waits by itself; this keeps a refusal from spinning.
                    attempt += 1
                    election.client.logger.info(
                        "Cannot stand for election; trying again",
                        metadata: [
                            LogKeys.lockPath: "\(election.path)",
                            LogKeys.errorCode: "\(error.underlying?.code.description ?? error.code.description)",
                        ])
                    try? await Task.sleep(for: Backoff().delay(beforeAttempt: attempt))
                }
            }
        }
    }
}
#endif
