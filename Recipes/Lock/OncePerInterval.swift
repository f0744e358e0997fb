// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

extension ZooKeeperLock {
    /// Runs `body` while the lock is held, unless a participant has run it within the last `interval`: a job of a whole
    /// fleet that is started everywhere and is to run once.
    ///
    /// ```swift
    /// try await ZooKeeperLock(client, at: "/jobs/invoices").runOncePer(.seconds(3_600)) { lease in ... }
    /// ```
    ///
    /// The time is that of the ensemble's leader, so clocks of clients do not matter; it is counted from the
    /// beginning of the run, which is written into the node `last-run-2147483647` below the lock's path before `body` runs,
    /// in transactions that go through only while the lock is held. (Participants of other libraries take no notice of a
    /// child of that name.)
    ///
    /// * If another participant holds the lock, `body` does not run: that one is at it.
    /// * If `body` throws, the run does not count: the time of the one before is put back.
    /// * If the lock is lost or the process dies while `body` runs, the run counts: nobody knows how far it got.
    /// * If `body` runs for longer than `interval`, the next one may begin as soon as it has ended.
    ///
    /// A free lock and a run that is due cost three round trips more than
    /// ``withLockIfAvailable(waitingUpTo:holdingAtMost:isolation:_:)``, the first run of all five, a run that is not due two.
    /// The node keeps the lock's directory from being removed as an empty container. Whoever may join the lock by
    /// ``RecipeConfiguration/directoryAccessControl`` may read and write it: set that also if the directory is there already
    /// and not open, for this is what keeps strangers from putting the job off.
    ///
    /// - Parameters:
    ///   - interval: More than zero.
    ///   - limit: As in ``withLockIfAvailable(waitingUpTo:holdingAtMost:isolation:_:)``.
    ///   - holdLimit: As in ``withLock(waitingUpTo:holdingAtMost:position:isolation:_:)``.
    ///   - isolation: The actor on which `body` runs: the caller's.
    ///   - body: Runs while the lock is held.
    /// - Returns: The result of `body`; `nil` if it has not run.
    /// - Throws: As ``withLockIfAvailable(waitingUpTo:holdingAtMost:isolation:_:)`` (``LockError`` `unavailable` also if the
    ///   node cannot be read, created or written), and `ZooKeeperError` with code `invalidArgument` for an interval of
    ///   nothing.
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
            try await runIfDue(interval, under: lease, isolation: isolation, body)
        }
        return result ?? nil
    }

    /// Runs `body`, unless a participant has run it within the last `interval`, under a lease of this lock.
    ///
    /// - Returns: `nil` if it did not run.
    package func runIfDue<Success>(
        _ interval: Duration, under lease: LockLease,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (LockLease) async throws -> Success
    ) async throws -> Success? {
        let marker = RunMarker(
            client: client, path: path.child(RunMarker.name),
            accessControl: RunMarker.accessControl(
                in: configuration.directoryAccessControl ?? configuration.accessControl),
            lease: lease)
        guard let last = try await marker.begin(interval) else { return nil }
        do {
            return .some(try await body(lease))
        } catch {
            // Lost, it counts: the next holder may be at it.
            await marker.putBack(last)
            throw error
        }
    }
}

/// The node that says when a job ran last: in its data, in milliseconds since 1970 by the clock of the leader.
private struct RunMarker {
    /// go-zookeeper reads the sequence number of every child behind its last hyphen, and fails if there is none: this one is
    /// behind everybody's.
    static let name = "last-run-2147483647"

    let client: ZooKeeperClient
    let path: ZNodePath
    let accessControl: AccessControl
    let lease: LockLease

    /// The beginning of the last run.
    enum Last {
        case never
        case at(Int64)

        init(_ data: [UInt8]) {
            let moment = Int64(String(decoding: data, as: UTF8.self)) ?? -1
            self = moment < 0 ? .never : .at(moment)
        }

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
        let old = try await data()
        let last = Last(old)
        // The leader's clock is read by writing what is there already: the answer says when.
        let now = try await write(old)
        if case .at(let moment) = last {
            let passed = Duration.milliseconds(now - moment)
            // A run far in the future is one of a leader whose clock was wrong.
            if max(passed, .zero - passed) < interval { return nil }
        }
        do {
            _ = try await write(Last.at(now).data)
        } catch {
            // It may have been written all the same, and the body does not run.
            await putBack(last)
            throw error
        }
        return last
    }

    /// The run has failed, and does not count.
    func putBack(_ last: Last) async {
        // The body's task may be cancelled.
        await Task { _ = try? await write(last.data) }.value
    }

    /// The rights on the marker: who may join may also write it.
    static func accessControl(in directory: AccessControl) -> AccessControl {
        AccessControl(
            directory.entries.map { entry in
                entry.permissions.contains(.create)
                    ? AccessControl.Entry(entry.permissions.union([.read, .write]), for: entry.identity) : entry
            })
    }

    private func data() async throws -> [UInt8] {
        while true {
            do {
                if let node = try await client.getIfExists(path) { return node.data }
                try await client.createIfMissing(path, accessControl: accessControl)
            } catch let error as ZooKeeperError {
                try lease.checkHeld()
                try Task.checkCancellation()
                // Looked for again, as long as the lock is held.
                guard error.code == .connectionLoss else {
                    throw LockError(.unavailable, path: lease.path, underlying: error)
                }
            }
        }
    }

    /// Writes the marker while the lock is held: to write it twice does no harm.
    ///
    /// - Returns: The moment at which that was done, by the leader's clock.
    private func write(_ data: [UInt8]) async throws -> Int64 {
        var attempt = 0
        while true {
            do {
                return try await lease.transaction(SetData(path, to: data)).mtime
            } catch let error as LockError where error.code == .unavailable {
                guard let code = error.underlying?.code, [.connectionLoss, .throttled].contains(code) else {
                    throw error
                }
            }
            attempt += 1
            await Backoff(initial: .milliseconds(20), maximum: .seconds(1)).pause(beforeAttempt: attempt)
            try Task.checkCancellation()
            try lease.checkHeld()
        }
    }
}
