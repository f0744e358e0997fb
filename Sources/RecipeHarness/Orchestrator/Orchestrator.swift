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
        defer { recorder.close() }
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
        try await Ensemble.withEnsemble(servers(settings)) { ensemble in
            try await ZooKeeperClient.withClient(ensemble.configuration) { observer in
                for path in [RunConstants.history, RunConstants.store, RunConstants.flood] {
                    _ = try await retryingWhileThrottled { try await observer.create(path) }
                }
                try await run(settings, ensemble, observer, recorder, over, interrupted)
                recorder.record("run", .leftInQueue(count: try await Observer(client: observer).nodesLeftInQueue()))
            }
        }
        recorder.record("run", .ended(detail: ""))
        if let failure = recorder.failure { throw CannotRun(description: "the history cannot be written: \(failure)") }
        let history = History(recorder.events)
        var checker = HistoryChecker(history)
        let report = checker.check()
        let wasInterrupted = interrupted.current != nil
        Summary.print(settings, history, report)
        try draw(history, report, in: directory)
        return Result(report: report, wasInterrupted: wasInterrupted)
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
        _ settings: Settings, _ observer: ZooKeeperClient, _ recorder: Recorder, _ random: inout SplitMix64
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
                        observer, recorder, input)
                }
            }
    }

    private static func run(
        _ settings: Settings, _ ensemble: Ensemble, _ observer: ZooKeeperClient, _ recorder: Recorder,
        _ over: Promise<Void>, _ interrupted: Promise<Void>
    ) async throws {
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
                    group.addTask { await watchLeader(ensemble, recorder, over) }
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
    }

    /// Waits for another grant, and records a stall if there is none. Returns at once if the run was interrupted.
    private static func waitForGrant(
        _ observer: ZooKeeperClient, _ recorder: Recorder, _ interrupted: Promise<Void>
    ) async throws {
        let began = ContinuousClock.now
        let grants = recorder.grants
        // First the sessions of killed processes expire, and bodies end.
        while began.duration(to: .now) < RunConstants.stallLimit {
            if recorder.grants != grants || interrupted.current != nil { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        let (node, process) = try await Observer(client: observer).oldestInQueue()
        let time = Int64(RunConstants.stallLimit / .microseconds(1))
        recorder.record(process.isEmpty ? "run" : process, .stalled(node: node, microseconds: time))
    }

    private static func draw(_ history: History, _ report: HistoryReport, in directory: FilePath) throws {
        let timeline = Timeline(history, report)
        for (name, text) in [("timeline.html", timeline.page), ("timeline.svg", timeline.picture)] {
            let file = try FileDescriptor.open(
                directory.appending(name), .writeOnly, options: [.create, .truncate],
                permissions: [.ownerReadWrite, .groupRead, .otherRead])
            try file.closeAfter { _ = try file.writeAll(text.utf8) }
        }
        printLine("timeline: \(directory.appending("timeline.html"))")
    }

    private static func watchLeader(_ ensemble: Ensemble, _ recorder: Recorder, _ over: Promise<Void>) async {
        var last: Int?
        repeat {
            let leader = await ensemble.leader()
            if let leader, leader != last { recorder.record("s\(leader)", .leads) }
            last = leader ?? last
        } while await over.isOpen(for: .milliseconds(500))
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
