// SPDX-License-Identifier: Apache-2.0

import Synchronization
public import ZooKeeper

/// The hold on a lock, in the hand of its holder: proof for others, and ways to ask whether the lock is still held.
///
/// Four ways to be sure, from cheap to certain:
///
/// | | costs | says |
/// |---|---|---|
/// | ``checkHeld(for:)`` | nothing | by our own clock, the servers cannot have given the lock away yet |
/// | ``verify(file:line:)`` | a write's round trip | the lock was held when the leader looked |
/// | ``transaction(_:file:line:)-([TransactionOperation],_,_)`` | nothing more | the writes went through *and* the lock was held |
/// | ``fencingToken`` | a comparison in the resource | the resource refuses a holder that is late |
///
/// The first two are about the past when they return; the last two hold whatever happens. A lease may be passed around
/// and kept; after its scope has ended, everything throws `scopeEnded`.
public struct LockLease: Sendable {
    /// The end of one scope: a nested one ends before the lease does.
    final class Scope: Sendable {
        private let open = Atomic(true)

        var isOpen: Bool { open.load(ordering: .acquiring) }

        func close() { open.store(false, ordering: .releasing) }
    }

    let core: LeaseCore
    let scope: Scope

    init(_ core: LeaseCore, _ scope: Scope) {
        self.core = core
        self.scope = scope
    }

    package var session: ZooKeeperSession { core.session }

    /// The path of the lock.
    public var path: ZNodePath { core.lockPath }

    /// The path of the node that holds it.
    public var nodePath: ZNodePath { core.nodePath }

    /// Higher than that of every earlier exclusive holder.
    public var fencingToken: FencingToken { core.token }

    /// Until when the lock is held if nothing more is heard from the leader: the sending of the last request that it
    /// answered, plus the session's time-out, less a margin. Moves on with every heartbeat. On a clock that goes on
    /// while the machine is suspended.
    ///
    /// A bound, not a proof: a leader that has been deposed and has not noticed may answer too. See ``verify(file:line:)``.
    public var expiresBy: ContinuousClock.Instant { core.session.leasesExpireBy.instant }

    /// The time left until ``expiresBy``; zero if none, or if the lock is not held.
    public var remaining: Duration {
        guard (try? checkHeld()) != nil else { return .zero }
        return max(.zero, ContinuousClock.now.duration(to: expiresBy))
    }

    /// Throws if the lock is not held any more, or may not be. Asks nobody: to be called before every side effect.
    ///
    /// - Parameter duration: Also throws if less than this is left until ``expiresBy``.
    /// - Throws: ``LockError``: `lost`, `scopeEnded`; `unconfirmed` under ``LossPolicy/onExpiry``, where time that
    ///   runs out is no loss.
    public func checkHeld(for duration: Duration = .zero) throws {
        try core.whileHeld(for: duration, isOpen: { scope.isOpen }) {}
    }

    /// Asks the leader whether the lock's node is there, in a transaction of its own. When this returns, the lock was
    /// held at a moment after the call.
    ///
    /// - Throws: ``LockError``: `lost`, `scopeEnded`, `cancelled`; `unavailable` if there was no answer, which says
    ///   nothing about the lock.
    public func verify(file: String = #fileID, line: Int = #line) async throws {
        _ = try await guarded([], file: file, line: line)
    }

    /// Executes all operations, or none of them; and none if the lock is not held at that moment.
    ///
    /// - Throws: ``LockError``: `lost`, `scopeEnded`, `cancelled`; `unavailable` for everything else, with the client's
    ///   error in ``LockError/underlying`` (its `failedOperation` counts from the first of `operations`).
    @discardableResult
    public func transaction(
        _ operations: [any TransactionOperation], file: String = #fileID, line: Int = #line
    ) async throws -> [TransactionResult] {
        try await guarded(operations, file: file, line: line)
    }

    /// As ``transaction(_:file:line:)-([TransactionOperation],_,_)``, with the result of each operation in its own type.
    ///
    /// ```swift
    /// let (entry, stat) = try await lease.transaction(
    ///     Create("/ledger/entry-", mode: .persistentSequential), SetData("/ledger", to: sum))
    /// ```
    @discardableResult
    public func transaction<each Operation: TransactionOperation>(
        _ operations: repeat each Operation, file: String = #fileID, line: Int = #line
    ) async throws -> (repeat (each Operation).Output) {
        var list: [any TransactionOperation] = []
        for operation in repeat each operations { list.append(operation) }
        var answers = try await answers(list, file: file, line: line).makeIterator()
        func next<Step: TransactionOperation>(_ step: Step) throws(LockError) -> Step.Output {
            do throws(ZooKeeperError) {
                guard let answer = answers.next() else { throw ZooKeeperError(.protocolViolation, execution: .unknown) }
                return try step.output(of: Response(answer))
            } catch {
                throw failure(error.at(file: file, line: line))
            }
        }
        return (repeat try next(each operations))
    }

    // MARK: Being asked for it

    /// Tells whether another client has requested revocation: see ``revocationRequest()``.
    public var isRevocationRequested: Bool { core.revocationRequested.current ?? false }

    /// Waits until another client requests revocation, by ``ZooKeeperLock/requestRevocation(of:file:line:)`` or Curator's
    /// `Revoker`. It stays held: its holder decides when to release it.
    ///
    /// Noticed from the first moment by a holder that waited behind one other, by leaders, and by a ``HeldLock``;
    /// otherwise when the lock has been held for 200 ms (a sixth of the session's time-out, if that is less).
    ///
    /// - Returns: `false` if the lock has been lost or released instead, or if the waiting task was cancelled.
    public func revocationRequest() async -> Bool {
        guard case .value(let isAsked) = await core.revocationRequested.wait() else { return false }
        return isAsked
    }

    /// The operations behind a check of the lock's node. Issued while the lease is known to be held, and so before its
    /// node is removed.
    private func guarded(
        _ operations: [any TransactionOperation], file: String, line: Int
    ) async throws(LockError) -> [TransactionResult] {
        let results = try await answers(operations, file: file, line: line)
        return zip(operations, results).map { TransactionResult(of: $0, $1) }
    }

    private func answers(
        _ operations: [any TransactionOperation], file: String, line: Int
    ) async throws(LockError) -> [Response.Kind] {
        let request = TransactionList([Check(core.nodePath)] + operations).makeRequest()
        // Its place in the order is taken while the lease is held; what may call back comes after.
        let (reply, send) = try core.whileHeld(provesItself: true, isOpen: { scope.isOpen }) {
            core.session.prepare(request)
        }
        send()
        do throws(ZooKeeperError) {
            guard case .transaction(let results) = try await reply.answer().get().kind,
                results.count == operations.count + 1
            else { throw ZooKeeperError(.protocolViolation, execution: .unknown) }
            return Array(results.dropFirst())
        } catch {
            throw failure(error.at(file: file, line: line))
        }
    }

    private func failure(_ error: ZooKeeperError) -> LockError {
        if error.code == .noNode, error.failedOperation == 0 {
            core.lose(.nodeDeleted)
            return LockError(.lost, path: path, loss: .nodeDeleted)
        }
        if error.code == .sessionLost { return LockError(.lost, path: path, loss: lossOfSession, underlying: error) }
        if error.code == .cancelled { return LockError(.cancelled, path: path, underlying: error) }
        let underlying = error.located { context in
            context.failedOperation = context.failedOperation.map { $0 - 1 }
        }
        return LockError(.unavailable, path: path, underlying: underlying)
    }

    private var lossOfSession: LockLoss { .sessionEnded(core.session.state) }
}

extension LockLease: CustomStringConvertible {
    /// One line for logs.
    public var description: String {
        "LockLease of \(path): node \(nodePath.name), token \(fencingToken), expires by \(UTCTime(expiresBy))"
    }
}
