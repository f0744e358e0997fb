// SPDX-License-Identifier: Apache-2.0

import Subprocess
import SystemPackage
import UnixSignals
import ZooKeeper
import ZooKeeperHistory
import ZooKeeperTesting

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Runs a test from beginning to end: servers, processes, faults, and the check of the history.
enum Orchestrator {
    struct Result: Sendable {
        var report: HistoryReport
        var wasInterrupted: Bool
    }

    static func run(_ settings: Settings) async throws -> Result {
        let directory = FilePath(settings.output)
        try settings.library?.requireProgram()
        let made = try await Subprocess.run(
            .name("mkdir"), arguments: ["-p", settings.output], output: .discarded, error: .string(limit: 1_000))
        guard made.terminationStatus.isSuccess else {
            throw CannotRun(description: "\(made.standardError)".split(separator: "\n").first.map(String.init) ?? "")
        }
        let recorder = try Recorder(directory.appending("history.jsonl"))
        printLine("\(settings.description); starting three servers …")

        let over = Promise<Void>()
        let interrupted = Promise<Void>()
        // Writing to a process that has been killed must not end this one.
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sigpipe)
        let listening = Task {
            for await signal in signals where signal != .sigpipe {
                printLine("interrupted: ending all processes, then checking what has happened so far")
                interrupted.fulfil(())
                over.fulfil(())
            }
        }
        defer { listening.cancel() }
        _ = recorder.failed.whenFulfilled { over.fulfil(()) }

        recorder.record("run", .began(detail: settings.description))
        let servers = servers(settings)
        let counts = try await Ensemble.withEnsemble(servers) { ensemble in
            await RunNotes(settings, servers).record(ensemble, recorder)
            return try await ZooKeeperClient.withClient(ensemble.configuration) { client in
                let observer = Observer(client: client, owners: SessionOwners())
                return try await observe(settings, ensemble, observer, recorder, over, interrupted)
            }
        }
        recorder.record("run", .ended(detail: ""))
        if let failure = recorder.failure { throw CannotRun(description: "the history cannot be written: \(failure)") }
        let history = History(recorder.events)
        let report = HistoryChecker(history).check()
        let wasInterrupted = interrupted.current != nil
        Summary.print(settings, history, report)
        try draw(history, report, in: directory)
        let verdict = Verdict(settings, history, report, counts, wasInterrupted: wasInterrupted)
        try write(try verdict.json, to: directory.appending("verdict.json"))
        return Result(report: report, wasInterrupted: wasInterrupted)
    }

    /// Runs the test between the creation of the nodes that it needs and a look at what it has left behind.
    private static func observe(
        _ settings: Settings, _ ensemble: Ensemble, _ observer: Observer, _ recorder: Recorder,
        _ over: Promise<Void>, _ interrupted: Promise<Void>
    ) async throws -> Verdict.Counts {
        for path in [RunConstants.history, RunConstants.store, RunConstants.flood] {
            _ = try await retryingWhileThrottled { try await observer.client.create(path) }
        }
        let requests = try await run(settings, ensemble, observer, recorder, over, interrupted)
        recorder.record("run", .leftInQueue(count: try await observer.nodesLeftInQueue()))
        return Verdict.Counts(requests: requests, server: await RunNotes.serverVersion(of: ensemble))
    }

    /// Returns the servers' settings. For the nemesis that floods a server, each admits one request at a time and
    /// refuses requests that have waited for longer than they do without a flood; these limits are read when a server
    /// starts.
    private static func servers(_ settings: Settings) -> ServerConfiguration {
        var configuration = ServerConfiguration()
        guard settings.nemesis.faults.contains(.throttleServer) else { return configuration }
        // The number of requests, and times in milliseconds.
        for (name, value) in [
            ("request_throttle_max_requests", 1), ("request_throttle_stall_time", 20), ("throttled_op_wait_time", 50),
        ] {
            configuration.systemProperties["zookeeper.\(name)"] = "\(value)"
        }
        return configuration
    }

    /// Makes the processes, each with its driver.
    private static func clients(
        _ settings: Settings, _ observer: Observer, _ recorder: Recorder, _ random: inout SplitMix64
    ) -> [ClientProcess] {
        let ours = (0..<settings.clients).map { index in
            ClientProcess("c\(index)", seed: random.next(), recorder) { connect, incarnation, seed, input in
                WorkerDriver(
                    arguments: Worker.arguments(
                        connect: connect, name: "c\(index)", incarnation: incarnation, settings, seed: seed),
                    recorder: recorder
                ) { input.yield($0) }
            }
        }
        guard let library = settings.library else { return ours }
        return ours
            + (0..<settings.externalClients).map { index in
                let name = "\(library.rawValue)\(index)"
                return ClientProcess(name, isExternal: true, seed: random.next(), recorder) {
                    connect, incarnation, seed, input in
                    ExternalClientDriver(
                        library, connect: connect, process: name, incarnation: incarnation, settings, seed: seed,
                        observer.client, observer.owners, recorder, input)
                }
            }
    }

    /// Runs the processes and the nemesis.
    ///
    /// - Returns: The requests that each process has sent.
    private static func run(
        _ settings: Settings, _ ensemble: Ensemble, _ observer: Observer, _ recorder: Recorder,
        _ over: Promise<Void>, _ interrupted: Promise<Void>
    ) async throws -> [String: [OperationCode: Int]] {
        for index in ensemble.servers.indices { recorder.record("s\(index)", .serves) }
        var random = SplitMix64(seed: settings.seed)
        let clients = clients(settings, observer, recorder, &random)
        let nemesis = NemesisProcess(ensemble: ensemble, clients: clients, recorder: recorder, over: over)
        let seeds = (random.next(), random.next())
        let chosen = settings.nemesis.faults
        try await withThrowingTaskGroup(of: Void.self) { processes in
            for client in clients { processes.addTask { try await client.run(ensemble) } }
            do {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        try await nemesis.run(chosen.filter(NemesisProcess.clientFaults.contains), seed: seeds.0)
                    }
                    group.addTask {
                        try await nemesis.run(
                            chosen.filter { !NemesisProcess.clientFaults.contains($0) }, seed: seeds.1)
                    }
                    group.addTask { await ServerWatch(ensemble: ensemble, recorder: recorder).run(over) }
                    group.addTask { await QueueWatch(client: observer.client, recorder: recorder).run(over) }
                    group.addTask { await showProgress(recorder, over) }
                    group.addTask {
                        _ = await over.wait(until: .now + settings.duration)
                        over.fulfil(())
                    }
                    try await group.waitForAll()
                }
                // All faults have ended: processes that are told to end can end, and waiting operations are granted.
                try await ensemble.waitUntilServing()
                try await waitForGrant(observer, recorder, interrupted)
            } catch {
                over.fulfil(())
                for client in clients { client.forceEnd() }
                for client in clients { client.stop() }
                throw error
            }
            for client in clients { client.stop() }
            processes.addTask {
                try await Task.sleep(for: .seconds(30))
                for client in clients { client.forceEnd() }
            }
            for _ in clients { try await processes.next() }
            processes.cancelAll()
            while let result = await processes.nextResult() { _ = result }
        }
        return Dictionary(uniqueKeysWithValues: clients.map { ($0.name, $0.requests) })
    }

    /// Waits for another grant, and records a stall if there is none. Returns at once if the run was interrupted.
    private static func waitForGrant(
        _ observer: Observer, _ recorder: Recorder, _ interrupted: Promise<Void>
    ) async throws {
        let began = ContinuousClock.now
        let grants = recorder.grants
        // First the sessions of killed processes expire, and bodies end.
        while began.duration(to: .now) < RunConstants.stallLimit {
            if recorder.grants != grants || interrupted.current != nil { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        let (node, process) = try await observer.oldestInQueue()
        let time = Int64(RunConstants.stallLimit / .microseconds(1))
        recorder.record(process.isEmpty ? "run" : process, .stalled(node: node, microseconds: time))
    }

    private static func draw(_ history: History, _ report: HistoryReport, in directory: FilePath) throws {
        let timeline = HistoryTimeline(history, report)
        for (name, text) in [("timeline.html", timeline.page), ("timeline.svg", timeline.picture)] {
            try write(text, to: directory.appending(name))
        }
        printLine("timeline: \(directory.appending("timeline.html"))")
    }

    private static func write(_ text: String, to path: FilePath) throws {
        let file = try FileDescriptor.open(
            path, .writeOnly, options: [.create, .truncate],
            permissions: [.ownerReadWrite, .groupRead, .otherRead])
        try file.closeAfter { _ = try file.writeAll(text.utf8) }
    }

    private static func showProgress(_ recorder: Recorder, _ over: Promise<Void>) async {
        let start = ContinuousClock.now
        let isTerminal = isatty(1) == 1
        while await over.isOpen(for: isTerminal ? .milliseconds(500) : .seconds(5)) {
            let line = "\(start.duration(to: .now).components.seconds) s: \(recorder.progress)"
            if isTerminal {
                _ = try? FileDescriptor.standardOutput.writeAll("\r\u{1B}[K\(line.prefix(118))".utf8)
            } else {
                printLine(line)
            }
        }
        if isTerminal { printLine("\r\u{1B}[K") }
    }
}
