// SPDX-License-Identifier: Apache-2.0

import ProcessSignals
import Subprocess
import SystemPackage
import ZooKeeper
import ZooKeeperTesting

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Runs the demonstration: starts the processes, passes lines between workers and store, kills one worker and freezes
/// another, and records all events.
actor Demonstration {
    /// The worker that is killed while it holds the lock.
    private static let killedWorker = 1
    /// The worker that is frozen while it holds the lock, and writes afterwards without checking its lease.
    private static let frozenWorker = 2

    private enum Freeze {
        case notYet
        case frozen
        /// Another worker has written meanwhile, and the frozen one continues.
        case thawed
    }

    private let store: ChildProcess
    private let children: [ChildProcess]
    private var pids: [Int: Int32] = [:]
    private var timeline: Timeline
    private var turns: [Int: Int] = [:]
    private var freeze = Freeze.notYet
    /// The worker and the token of each record that the store has not answered yet.
    private var pending: [String: (worker: Int, token: String)] = [:]

    private init(store: ChildProcess, children: [ChildProcess], start: Int64) {
        self.store = store
        self.children = children
        self.timeline = Timeline(workers: children.count, start: start)
    }

    /// Runs the demonstration from beginning to end, on a server of its own unless `connect` names servers.
    static func run(connect: String?, workers: Int, turns: Int) async throws -> Checker {
        if let connect { return try await run(on: connect, workers, turns) }
        printLine("Starting a ZooKeeper server …")
        return try await ZooKeeperServer.withServer { server in
            try await run(on: server.connectString, workers, turns)
        }
    }

    private static func run(on connect: String, _ workers: Int, _ turns: Int) async throws -> Checker {
        let path = try await prepare(connect)
        let temporary = try await Subprocess.run(.name("mktemp"), output: .string(limit: 4_096))
        let file = FilePath(String(temporary.standardOutput.prefix { $0 != "\n" }))
        let children = (0..<workers).map { index in
            ChildProcess(
                ["worker", connect, path, "w\(index)", "\(turns)"] + (index == frozenWorker ? ["--stubborn"] : []))
        }
        let store = ChildProcess(["store", file.string])
        let demonstration = Demonstration(store: store, children: children, start: milliseconds())
        printLine("\(workers) processes take the lock \(path)/lock on \(connect), \(turns) times each.")
        printLine(
            "w\(killedWorker) will be killed while it holds it, w\(frozenWorker) will be frozen for longer than its session lives."
        )
        printLine("")
        return try await demonstration.run { timeline in Checker(timeline, file: file) }
    }

    /// Creates a directory for this run on the server, with the node that holders stamp.
    private static func prepare(_ connect: String) async throws -> String {
        try await ZooKeeperClient.withClient(ZooKeeperConfiguration(connect)) { client in
            do { try await client.create("/lock-demo") } catch ZooKeeperError.Code.nodeExists {}
            let path = try await client.create("/lock-demo/run-", mode: .persistentSequential).path
            try await client.create(path.appending("history"))
            return path.string
        }
    }

    /// Runs the processes.
    ///
    /// - Parameter check: Checks the run while the store and its file still exist.
    private func run(check: @Sendable (Timeline) -> Checker) async throws -> Checker {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [store] in
                try await store.run { _ in
                } received: { line in
                    await self.receiveFromStore(line)
                }
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, child) in children.enumerated() {
                    group.addTask {
                        try await child.run { pid in
                            await self.started(index, pid)
                        } received: { line in
                            await self.receive(line, from: index)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let checker = check(timeline)
            store.finish()
            try await group.waitForAll()
            return checker
        }
    }

    private func started(_ worker: Int, _ pid: Int32) { pids[worker] = pid }

    // MARK: Events

    private func receive(_ line: String, from worker: Int) {
        guard let stamped = WorkerMessage.parse(line) else { return }
        timeline.add(worker, stamped.at, .message(stamped.message))
        switch stamped.message {
        case .holding: holds(worker)
        case .record(let id, let token):
            pending[id] = (worker, token)
            store.send("\(id) \(token)")
        case .finished: children[worker].finish()
        default: break
        }
    }

    private func holds(_ worker: Int) {
        turns[worker, default: 0] += 1
        // In its second turn, so that the picture shows an ordinary one before.
        if turns[worker] == 2, let pid = pids[worker] {
            if worker == Self.killedWorker {
                ProcessSignal.send(SIGKILL, to: pid)
                timeline.add(worker, milliseconds(), .killed)
                children[worker].finish()
                return
            }
            if worker == Self.frozenWorker {
                ProcessSignal.stop(pid)
                freeze = .frozen
                timeline.add(worker, milliseconds(), .frozen)
            }
        }
        children[worker].send("go")
    }

    private func receiveFromStore(_ line: String) {
        let words = line.split(separator: " ").map(String.init)
        guard words.count == 2, let answer = StoreAnswer(rawValue: words[1]), let record = pending[words[0]] else {
            return
        }
        timeline.add(record.worker, milliseconds(), .stored(id: words[0], token: record.token, answer))
        children[record.worker].send(words[1])
        // Another worker holds the lock and has written: the frozen one may continue now, and its write is late.
        if case .frozen = freeze, record.worker != Self.frozenWorker, let pid = pids[Self.frozenWorker] {
            freeze = .thawed
            ProcessSignal.send(SIGCONT, to: pid)
            timeline.add(Self.frozenWorker, milliseconds(), .thawed)
        }
    }
}
