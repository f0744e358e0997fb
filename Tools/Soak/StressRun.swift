// SPDX-License-Identifier: Apache-2.0

import Logging
import TestSupport
import ZooKeeper
public import ZooKeeperTesting

/// Random calls from many tasks while faults are injected; then no more faults, and checks that nothing is left behind.
public struct StressRun: Sendable {
    public var seed: UInt64
    /// The number of clients, each with a session of its own.
    public var clients = 3
    /// The number of tasks that make calls.
    public var tasks = 12
    /// The time for which calls are made.
    public var duration = Duration.seconds(5)
    /// The longest pause between two faults; `nil` for no faults.
    public var maximumPause: Duration? = .milliseconds(300)
    public var hasExpiries = true

    public init(seed: UInt64) { self.seed = seed }

    /// The result of a run.
    public struct Report: Sendable {
        public var calls = 0
        public var codes: [String: Int] = [:]
        /// The number of writes under a lock.
        public var stamps = 0
        public var connections = 0
        public var expiries = 0
        public var sessions = 0
        /// The violations: none, if the library is right.
        public var violations: [String] = []
    }

    /// Runs it on `server`.
    ///
    /// - Parameter everyMinute: Gets each minute the report so far.
    /// - Throws: Errors of the server or the relay; what is wrong with the library is in the report.
    public func run(
        on server: ZooKeeperServer, everyMinute: (@Sendable (_ minute: Int, Report) -> Void)? = nil
    ) async throws -> Report {
        let eventLog = EventLog()
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
            let quiet = Logger(label: "stress") { _ in SwiftLogNoOpLogHandler() }
            let clients = try (0..<clients).map { _ in try ZooKeeperClient(configuration, logger: quiet) }
            let runs = clients.map { client in Task { await client.run() } }
            for client in clients { _ = try await client.exists("/") }
            let clock = Task {
                for minute in 1... {
                    try await Task.sleep(for: .seconds(60))
                    everyMinute?(minute, eventLog.report(relay, expiries))
                }
            }
            await callAndInject(server, relay, clients, eventLog, expiries)
            clock.cancel()
            await checkAfterFaults(server, chroot, clients, eventLog)
            for run in runs { run.cancel() }
            for run in runs { await run.value }
            await checkAfterClose(server, chroot, clients, eventLog)
            report = eventLog.report(relay, expiries)
        }
        await wait("every session to be let go", eventLog) { eventLog.sessionsAlive == 0 }
        eventLog.checkStamps()
        report.violations = eventLog.violations
        return report
    }

    private func prepare(_ server: ZooKeeperServer) async throws -> ZNodePath {
        try await ZooKeeperClient.withClient(server.configuration) { client in
            let chroot = try await client.create("/stress-", mode: .persistentSequential).path
            for path in RandomCalls.stamps { try await client.create(chroot.appending(path.name)) }
            return chroot
        }
    }

    private func callAndInject(
        _ server: ZooKeeperServer, _ relay: ZooKeeperRelay, _ clients: [ZooKeeperClient], _ eventLog: EventLog,
        _ expiries: Shared<Int>
    ) async {
        var random = SplitMix64(seed: seed)
        var injecting: Task<Void, Never>?
        if let maximumPause {
            let injector = FaultInjector(
                server: server, relay: relay, clients: clients, eventLog: eventLog, maximumPause: maximumPause,
                hasExpiries: hasExpiries)
            let seed = random.next()
            injecting = Task { await injector.run(seed, expiries) }
        }
        let end = ContinuousClock.now + duration
        let workers = (0..<tasks).map { index in
            let calls = RandomCalls(client: clients[index % clients.count], eventLog: eventLog)
            var own = random.split()
            return Task {
                while ContinuousClock.now < end { await calls.makeCall(&own) }
            }
        }
        let hasReturned = Shared(false)
        Task {
            for worker in workers { await worker.value }
            hasReturned.withLock { $0 = true }
        }
        try? await Task.sleep(until: end, clock: .continuous)
        injecting?.cancel()
        await injecting?.value
        await wait("every call to return", eventLog) { hasReturned.value }
    }

    /// Checks, while the sessions live, that all queues are empty, no watch is set, and every client works.
    private func checkAfterFaults(
        _ server: ZooKeeperServer, _ chroot: ZNodePath, _ clients: [ZooKeeperClient], _ eventLog: EventLog
    ) async {
        for client in clients {
            await wait("a client to work again", eventLog) {
                guard let path = try? await client.create("/works-", mode: .ephemeralSequential).path else {
                    return false
                }
                return (try? await client.delete(path)) != nil
            }
        }
        await wait("all queues to be empty", eventLog) {
            for path in RandomCalls.locks {
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
        await wait("all watches to be taken off", eventLog) { (try? await server.watchCount()) == 0 }
    }

    private func checkAfterClose(
        _ server: ZooKeeperServer, _ chroot: ZNodePath, _ clients: [ZooKeeperClient], _ eventLog: EventLog
    ) async {
        for client in clients {
            do {
                _ = try await client.exists("/")
                eventLog.report("a closed client answers")
            } catch ZooKeeperError.Code.closed {
            } catch {
                eventLog.report("a closed client throws \(error)")
            }
        }
        await wait("all ephemeral nodes to be gone", eventLog) {
            (try? await server.ephemeralNodes(below: chroot).isEmpty) ?? false
        }
    }

    /// Waits for a state, and reports a violation if it does not come.
    private func wait(_ what: String, _ eventLog: EventLog, _ condition: () async -> Bool) async {
        do {
            try await eventually(what) { await condition() }
        } catch {
            let open = eventLog.openCalls
            eventLog.report("waited in vain for \(what)" + (open.isEmpty ? "" : "; not returned: \(open)"))
        }
    }
}

extension EventLog {
    /// Returns the report so far.
    fileprivate func report(_ relay: ZooKeeperRelay, _ expiries: Shared<Int>) -> StressRun.Report {
        StressRun.Report(
            calls: calls, codes: codes, stamps: stampCount, connections: relay.traffic.connections,
            expiries: expiries.value, sessions: sessionsSeen, violations: violations)
    }
}

extension ZooKeeperServer {
    /// Returns the ephemeral nodes below `path`.
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
