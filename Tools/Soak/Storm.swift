import Logging
import TestSupport
import ZooKeeper
public import ZooKeeperTesting

/// Random calls from many tasks while everything goes wrong; then calm, and a look at what is left.
public struct Storm: Sendable {
    public var seed: UInt64
    /// How many clients there are, each with a session of its own.
    public var clients = 3
    /// How many tasks make calls.
    public var tasks = 12
    /// How long.
    public var duration = Duration.seconds(5)
    /// The longest calm between two faults; `nil`: nothing goes wrong.
    public var calm: Duration? = .milliseconds(300)
    public var hasExpiries = true

    public init(seed: UInt64) { self.seed = seed }

    /// What came of it.
    public struct Report: Sendable {
        public var calls = 0
        public var codes: [String: Int] = [:]
        /// How often a holder wrote under its lock.
        public var stamps = 0
        public var connections = 0
        public var expiries = 0
        public var sessions = 0
        /// What must not be.
        public var violations: [String] = []
    }

    /// Runs it on `server`.
    ///
    /// - Parameter everyMinute: Hears each minute what has come of it so far.
    /// - Throws: What the server or the relay throws; what is wrong with the library is in the report.
    public func run(
        on server: ZooKeeperServer, everyMinute: (@Sendable (_ minute: Int, Report) -> Void)? = nil
    ) async throws -> Report {
        let journal = Journal()
        let expiries = Shared(0)
        let chroot = try await prepare(server)
        var report = Report()
        try await ZooKeeperRelay.withRelay(to: server) { relay in
            var configuration = try relay.configuration
            configuration.chroot = chroot
            configuration.sessionTimeout = .seconds(4)
            configuration.requestTimeout = .seconds(2)
            configuration.connectTimeout = .seconds(30)
            // Locks that are forgotten on purpose are not worth a line each.
            let quiet = Logger(label: "storm") { _ in SwiftLogNoOpLogHandler() }
            let clients = try (0..<clients).map { _ in try ZooKeeperClient(configuration, logger: quiet) }
            let runs = clients.map { client in Task { await client.run() } }
            for client in clients { _ = try await client.exists("/") }
            let clock = Task {
                for minute in 1... {
                    try await Task.sleep(for: .seconds(60))
                    everyMinute?(minute, journal.report(relay, expiries))
                }
            }
            await rage(server, relay, clients, journal, expiries)
            clock.cancel()
            await calmDown(server, chroot, clients, journal)
            for run in runs { run.cancel() }
            for run in runs { await run.value }
            await afterTheEnd(server, chroot, clients, journal)
            report = journal.report(relay, expiries)
        }
        await wait("every session to be let go", journal) { journal.sessionsAlive == 0 }
        journal.checkStamps()
        report.violations = journal.violations
        return report
    }

    private func prepare(_ server: ZooKeeperServer) async throws -> ZNodePath {
        try await ZooKeeperClient.withClient(server.configuration) { client in
            let chroot = try await client.create("/storm-", mode: .persistentSequential).path
            for path in Mix.stamps { try await client.create(chroot.appending(path.name)) }
            return chroot
        }
    }

    private func rage(
        _ server: ZooKeeperServer, _ relay: ZooKeeperRelay, _ clients: [ZooKeeperClient], _ journal: Journal,
        _ expiries: Shared<Int>
    ) async {
        var random = SplitMix64(seed: seed)
        var weather: Task<Void, Never>?
        if let calm {
            let rage = Weather(
                server: server, relay: relay, clients: clients, journal: journal, calm: calm, hasExpiries: hasExpiries)
            let seed = random.next()
            weather = Task { await rage.rage(seed, expiries) }
        }
        let end = ContinuousClock.now + duration
        let workers = (0..<tasks).map { index in
            let mix = Mix(client: clients[index % clients.count], journal: journal)
            var own = random.split()
            return Task {
                while ContinuousClock.now < end { await mix.step(&own) }
            }
        }
        let hasReturned = Shared(false)
        Task {
            for worker in workers { await worker.value }
            hasReturned.withLock { $0 = true }
        }
        try? await Task.sleep(until: end, clock: .continuous)
        weather?.cancel()
        await weather?.value
        await wait("every call to return", journal) { hasReturned.value }
    }

    /// While the sessions live: nobody stands in line any more, no watch is set, and everything works.
    private func calmDown(
        _ server: ZooKeeperServer, _ chroot: ZNodePath, _ clients: [ZooKeeperClient], _ journal: Journal
    ) async {
        for client in clients {
            await wait("a client to work again", journal) {
                guard let path = try? await client.create("/works-", mode: .ephemeralSequential).path else {
                    return false
                }
                return (try? await client.delete(path)) != nil
            }
        }
        await wait("all lines to be empty", journal) {
            for path in Mix.locks {
                do {
                    let names = try await clients[0].children(of: path).names
                    if !names.isEmpty { return false }
                } catch ZooKeeperError.Code.noNode {
                } catch {
                    return false
                }
            }
            return true
        }
        await wait("all watches to be taken off", journal) { (try? await server.watchCount()) == 0 }
    }

    private func afterTheEnd(
        _ server: ZooKeeperServer, _ chroot: ZNodePath, _ clients: [ZooKeeperClient], _ journal: Journal
    ) async {
        for client in clients {
            do {
                _ = try await client.exists("/")
                journal.report("a closed client answers")
            } catch ZooKeeperError.Code.closed {
            } catch {
                journal.report("a closed client throws \(error)")
            }
        }
        await wait("all ephemeral nodes to be gone", journal) {
            (try? await server.ephemeralNodes(below: chroot).isEmpty) ?? false
        }
    }

    /// Waits for what must come; that it does not is a violation.
    private func wait(_ what: String, _ journal: Journal, _ condition: () async -> Bool) async {
        do {
            try await eventually(what) { await condition() }
        } catch {
            let open = journal.openCalls
            journal.report("waited in vain for \(what)" + (open.isEmpty ? "" : "; still out: \(open)"))
        }
    }
}

extension Journal {
    /// What has come of it so far.
    fileprivate func report(_ relay: ZooKeeperRelay, _ expiries: Shared<Int>) -> Storm.Report {
        Storm.Report(
            calls: calls, codes: codes, stamps: stampCount, connections: relay.traffic.connections,
            expiries: expiries.value, sessions: sessionsSeen, violations: violations)
    }
}

extension ZooKeeperServer {
    /// The nodes below `path` that belong to a session.
    fileprivate func ephemeralNodes(below path: ZNodePath) async throws -> [ZNodePath] {
        try await ZooKeeperClient.withClient(configuration) { client in
            var found: [ZNodePath] = []
            var open = [path]
            while let next = open.popLast() {
                for name in try await client.children(of: next).names {
                    let child = try next.appending(name)
                    guard let stat = try await client.exists(child) else { continue }
                    if stat.ephemeralOwner.rawValue != 0 { found.append(child) }
                    if stat.numChildren > 0 { open.append(child) }
                }
            }
            return found
        }
    }
}
