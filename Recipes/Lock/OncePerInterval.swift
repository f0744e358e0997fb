import ZooKeeper

extension ZooKeeperLock {
    /// Runs `body` while the lock is held, unless a participant has run it within the last `interval`: a job of a whole
    /// fleet that is started everywhere and is to run once.
    ///
    /// ```swift
    /// try await ZooKeeperLock(client, at: "/jobs/invoices").runOncePer(.seconds(3_600)) { lease in ... }
    /// ```
    ///
    /// The time is that of the ensemble's leader, so clocks of machines that differ do no harm; it is counted from the
    /// beginning of the run, which is written into the node `last-run` below the lock's path before `body` runs, in
    /// transactions that go through only while the lock is held.
    ///
    /// * If another participant holds the lock, `body` does not run: that one is at it.
    /// * If `body` throws, the run does not count: the time of the one before is put back.
    /// * If the lock is lost or the process dies while `body` runs, the run counts: nobody knows how far it got.
    /// * If `body` runs for longer than `interval`, the next one may begin as soon as it has ended.
    ///
    /// A free lock and a run that is due cost three round trips more than ``withLockIfAvailable(waitingUpTo:holdingAtMost:isolation:_:)``,
    /// a run that is not due two more. The node keeps the lock's directory from being removed.
    ///
    /// - Parameters:
    ///   - interval: More than zero.
    ///   - limit: As in ``withLockIfAvailable(waitingUpTo:holdingAtMost:isolation:_:)``.
    ///   - holdLimit: As in ``withLock(waitingUpTo:holdingAtMost:position:isolation:_:)``.
    ///   - body: Runs while the lock is held.
    /// - Returns: The result of `body`; `nil` if it has not run.
    /// - Throws: As ``withLockIfAvailable(waitingUpTo:holdingAtMost:isolation:_:)``.
    @discardableResult
    public func runOncePer<Success>(
        _ interval: Duration,
        waitingUpTo limit: Duration? = nil,
        holdingAtMost holdLimit: Duration? = nil,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (LockLease) async throws -> Success
    ) async throws -> Success? {
        guard interval > .zero else {
            throw ZooKeeperError(.invalidArgument, path: path.string, message: "interval must be more than zero")
        }
        let result: Success?? = try await withLockIfAvailable(
            waitingUpTo: limit, holdingAtMost: holdLimit, isolation: isolation
        ) { lease in
            let marker = RunMarker(
                client: client, path: path.child("last-run"),
                accessControl: configuration.accessControl, lease: lease)
            guard let last = try await marker.begin(interval) else { return nil }
            do {
                return .some(try await body(lease))
            } catch {
                // Lost, it counts: whoever has the lock now may be at it.
                await marker.putBack(last)
                throw error
            }
        }
        return result ?? nil
    }
}

/// The node that says when a job ran last: in its data, in milliseconds since 1970 by the clock of the leader.
private struct RunMarker {
    let client: ZooKeeperClient
    let path: ZNodePath
    let accessControl: AccessControl
    let lease: LockLease

    /// The beginning of the last run.
    enum Last {
        case never
        case at(Int64)

        var data: [UInt8] {
            switch self {
            case .never: []
            case .at(let moment): Array(String(moment).utf8)
            }
        }
    }

    /// Begins a run, if one is due.
    ///
    /// - Returns: The one before; `nil` if none is due.
    func begin(_ interval: Duration) async throws -> Last? {
        let old = try await client.getIfExists(path)
        let last = old.flatMap { Int64(String(decoding: $0.data, as: UTF8.self)) }.map { Last.at($0) } ?? .never
        // The leader's clock is read by writing what is there already: its answer says when.
        let now: Int64
        if let old {
            now = try await lease.transaction(SetData(path, to: old.data)).mtime
        } else {
            let create = Create(path, accessControl: accessControl)
            now = try await lease.transaction(create, SetData(path, to: [])).1.mtime
        }
        if case .at(let moment) = last {
            let passed = Duration.milliseconds(now - moment)
            // A run far in the future is one of a leader whose clock was wrong.
            if max(passed, .zero - passed) < interval { return nil }
        }
        _ = try await lease.transaction(SetData(path, to: Last.at(now).data))
        return last
    }

    /// The run has failed, and does not count. Without an answer it does.
    func putBack(_ last: Last) async {
        let lease = lease
        let write = SetData(path, to: last.data)
        // The body's task may be cancelled.
        await Task { _ = try? await lease.transaction([write]) }.value
    }
}
