import TestSupport
import ZooKeeper
import ZooKeeperRecipes

/// What a storm has to be judged by: which calls are still out, who held which lock when, which sessions there were.
final class Journal: Sendable {
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
        /// The highest token that anybody has shown who said that he holds the lock.
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

    /// How many calls have returned.
    var calls: Int { state.withLock { $0.calls } }
    /// What is out.
    var openCalls: [String] { state.withLock { $0.open.sorted { $0.key < $1.key }.map(\.value) } }
    /// How the calls ended, by error code; `ok` for success.
    var codes: [String: Int] { state.withLock { $0.codes } }

    /// Runs a call, and remembers it for as long as it is out.
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
            report("\(name): \(code), but nobody cancelled it")
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

    /// What no call may end with, whatever the weather.
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

    /// To be called before a session is ended behind its client's back.
    func willExpire(_ session: ZooKeeperSession) {
        state.withLock { _ = $0.expired.insert(ObjectIdentifier(session)) }
    }

    var sessionsSeen: Int { state.withLock { $0.sessionsSeen } }
    var sessionsAlive: Int { state.withLock { $0.sessions.values.count { $0.session != nil } } }

    // MARK: Locks

    /// Somebody looks at a lease that he has. Who still holds a lock, by his own lights, must not find that a later holder
    /// has been here; unless his session was ended behind his back, of which nobody could have told him.
    func look(at lease: LockLease) {
        let violation: String? = state.withLock { state in
            // Checked under the same lock under which others show their tokens.
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
            // In a long storm, what is old is judged and forgotten.
            if state.stamps[lease.path, default: []].count > 4_000 { state.checkStamps(keeping: 1_000) }
        }
    }

    var stampCount: Int { state.withLock { $0.stampCount } }

    /// In the order of the servers' transactions, no holder's write comes behind that of a later holder. This holds
    /// whatever happened to clocks, connections and sessions.
    func checkStamps() { state.withLock { $0.checkStamps(keeping: 0) } }

    // MARK: Verdict

    var violations: [String] { state.withLock { $0.violations } }

    func report(_ violation: String) { state.withLock { $0.violations.append(violation) } }
}
