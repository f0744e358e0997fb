// SPDX-License-Identifier: Apache-2.0

import TestSupport
import ZooKeeper
import ZooKeeperRecipes

/// The events by which a stress run is judged: calls that have not returned, holders of locks, sessions.
final class EventLog: Sendable {
    private struct WeakSession: Sendable {
        weak let session: ZooKeeperSession?
    }

    /// A write that went through only because its writer held the lock.
    private struct Stamp {
        var token: FencingToken
        var zxid: Zxid
    }

    private struct State {
        var nextCall = 0
        var open: [Int: String] = [:]
        var calls = 0
        var codes: [String: Int] = [:]
        var violations: [String] = []
        var stamps: [ZNodePath: [Stamp]] = [:]
        var stampCount = 0
        /// The highest token of a lease that was checked while it was held.
        var highest: [ZNodePath: FencingToken] = [:]
        var expired: Set<ObjectIdentifier> = []
        var sessions: [ObjectIdentifier: WeakSession] = [:]
        var sessionsSeen = 0

        mutating func checkStamps(keeping count: Int) {
            for (path, unsorted) in stamps {
                let sorted = unsorted.sorted { $0.zxid < $1.zxid }
                for (earlier, later) in zip(sorted, sorted.dropFirst()) where later.token < earlier.token {
                    violations.append("\(path): \(later.token) wrote at \(later.zxid), behind \(earlier.token)")
                }
                stamps[path] = Array(sorted.suffix(count))
            }
        }
    }

    private let state = Shared(State())

    // MARK: Calls

    /// The number of calls that have returned.
    var calls: Int { state.withLock { $0.calls } }
    /// The names of the calls that have not returned.
    var openCalls: [String] { state.withLock { $0.open.sorted { $0.key < $1.key }.map(\.value) } }
    /// The number of calls by error code; `ok` for success.
    var codes: [String: Int] { state.withLock { $0.codes } }

    /// Runs a call, and keeps its name until it returns.
    func track(_ name: String, _ call: () async throws -> Void) async {
        let id = state.withLock { state in
            state.nextCall += 1
            state.open[state.nextCall] = name
            return state.nextCall
        }
        var code = "ok"
        do { try await call() } catch { code = Self.code(of: error) }
        if let fault = Self.fault(in: code, of: name) { report(fault) }
        if code.lowercased().contains("cancel"), !Task.isCancelled {
            report("\(name): \(code), but it was not cancelled")
        }
        state.withLock { state in
            state.open[id] = nil
            state.calls += 1
            state.codes[code, default: 0] += 1
        }
    }

    private static func code(of error: any Error) -> String {
        switch error {
        case let error as ZooKeeperError: error.code.description
        case let error as LockError: "lock.\(error.code)" + (error.underlying.map { ".\($0.code)" } ?? "")
        case is CancellationError: "CancellationError"
        default: "\(error)"
        }
    }

    /// Returns the violation if a call ended with an error that no injected fault explains.
    private static func fault(in code: String, of name: String) -> String? {
        ["protocolViolation", "authenticationFailed", "refused", "invalidPath"].contains(code)
            ? "\(name): \(code)" : nil
    }

    // MARK: Sessions

    func saw(_ session: ZooKeeperSession) {
        state.withLock { state in
            let id = ObjectIdentifier(session)
            if state.sessions[id]?.session === session { return }
            state.sessions = state.sessions.filter { $0.value.session != nil }
            state.sessions[id] = WeakSession(session: session)
            state.sessionsSeen += 1
        }
    }

    /// Notes a session that is about to be ended on the server without its client's knowledge.
    func willExpire(_ session: ZooKeeperSession) {
        state.withLock { _ = $0.expired.insert(ObjectIdentifier(session)) }
    }

    var sessionsSeen: Int { state.withLock { $0.sessionsSeen } }
    var sessionsAlive: Int { state.withLock { $0.sessions.values.count { $0.session != nil } } }

    // MARK: Locks

    /// Checks a lease. While it says that the lock is held, no later holder may have checked its own; unless the
    /// session was ended on the server without its client's knowledge.
    func check(_ lease: LockLease) {
        let violation: String? = state.withLock { state in
            // Checked under the same mutex under which the other holders check theirs.
            guard (try? lease.checkHeld()) != nil else { return nil }
            let highest = state.highest[lease.path] ?? lease.fencingToken
            state.highest[lease.path] = max(highest, lease.fencingToken)
            guard lease.fencingToken < highest, !state.expired.contains(ObjectIdentifier(lease.session)) else {
                return nil
            }
            return "\(lease.path): \(lease.fencingToken) is held, and so was \(highest)"
        }
        if let violation { report(violation) }
    }

    func stamped(_ lease: LockLease, at zxid: Zxid) {
        state.withLock { state in
            state.stampCount += 1
            state.stamps[lease.path, default: []].append(Stamp(token: lease.fencingToken, zxid: zxid))
            // In a long run, old writes are checked and forgotten.
            if state.stamps[lease.path, default: []].count > 4_000 { state.checkStamps(keeping: 1_000) }
        }
    }

    var stampCount: Int { state.withLock { $0.stampCount } }

    /// Checks that, in the order of the servers' transactions, no holder's write comes behind that of a later holder.
    /// This must hold whatever happened to clocks, connections and sessions.
    func checkStamps() { state.withLock { $0.checkStamps(keeping: 0) } }

    // MARK: Verdict

    var violations: [String] { state.withLock { $0.violations } }

    func report(_ violation: String) { state.withLock { $0.violations.append(violation) } }
}
