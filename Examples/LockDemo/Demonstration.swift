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

/// Runs the demonstration: starts all processes, carries lines between workers and store, kills one worker and freezes
/// another, writes down what happens.
actor Demonstration {
    /// The worker that is killed while it holds the lock.
    private static let victim = 1
    /// The worker that is frozen while it holds the lock, and does not look when it goes on.
    private static let sleeper = 2

    private enum Sleep {
        case notYet
        case frozen
        /// Another worker has written meanwhile.
        case thawed
    }

    private let store: ChildProcess
    private let children: [ChildProcess]
    private var pids: [Int: Int32] = [:]
    private var timeline: Timeline
    private var turns: [Int: Int] = [:]
    private var sleep = Sleep.notYet
    /// The records whose answer from the store is awaited, by worker.
    private var open: [String: (worker: Int, token: String)] = [:]

    private init(store: ChildProcess, children: [ChildProcess], start: Int64) {
        self.store = store
        self.children = children
        self.timeline = Timeline(workers: children.count, start: start)
    }

    /// Runs it from beginning to end.
    static func run(connect: String?, workers: Int, turns: Int) async throws -> Verdict {
        if let connect { return try await run(on: connect, workers, turns) }
        say("Starting a ZooKeeper server …")
        return try await ZooKeeperServer.withServer { server in
            try await run(on: server.connectString, workers, turns)
        }
    }

    private static func run(on connect: String, _ workers: Int, _ turns: Int) async throws -> Verdict {
        let path = try await prepare(connect)
        let temporary = try await Subprocess.run(.name("mktemp"), output: .string(limit: 4_096))
        let file = FilePath(String(temporary.standardOutput.prefix { $0 != "\n" }))
        let children = (0..<workers).map { index in
            ChildProcess(["worker", connect, path, "w\(index)", "\(turns)"] + (index == sleeper ? ["--stubborn"] : []))
        }
        let store = ChildProcess(["store", file.string])
        let demonstration = Demonstration(store: store, children: children, start: milliseconds())
        say("\(workers) processes take the lock \(path)/lock on \(connect), \(turns) times each.")
        say(
            "w\(victim) will be killed while it holds it, w\(sleeper) will be frozen for longer than its session lives."
        )
        say("")
        return try await demonstration.run { timeline in Verdict(timeline, file: file) }
    }

    /// A directory of our own on the server, with the node that the history is written to.
    private static func prepare(_ connect: String) async throws -> String {
        try await ZooKeeperClient.withClient(ZooKeeperConfiguration(connect)) { client in
            do { try await client.create("/lock-demo") } catch ZooKeeperError.Code.nodeExists {}
            let path = try await client.create("/lock-demo/run-", mode: .persistentSequential).path
            try await client.create(path.appending("history"))
            return path.string
        }
    }

    /// - Parameter judge: Looks at everything while the store is still there.
    private func run(judge: @Sendable (Timeline) -> Verdict) async throws -> Verdict {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [store] in
                try await store.run { _ in
                } heard: { line in
                    await self.storeSaid(line)
                }
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, child) in children.enumerated() {
                    group.addTask {
                        try await child.run { pid in
                            await self.started(index, pid)
                        } heard: { line in
                            await self.said(index, line)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let verdict = judge(timeline)
            store.finish()
            try await group.waitForAll()
            return verdict
        }
    }

    private func started(_ worker: Int, _ pid: Int32) { pids[worker] = pid }

    // MARK: What happens

    private func said(_ worker: Int, _ line: String) {
        guard let stamped = WorkerMessage.parse(line) else { return }
        timeline.add(worker, stamped.at, .said(stamped.message))
        switch stamped.message {
        case .holding: holds(worker)
        case .record(let id, let token):
            open[id] = (worker, token)
            store.send("\(id) \(token)")
        case .finished: children[worker].finish()
        default: break
        }
    }

    private func holds(_ worker: Int) {
        turns[worker, default: 0] += 1
        // In the second turn, so that there is something to see before.
        if turns[worker] == 2, let pid = pids[worker] {
            if worker == Self.victim {
                ProcessSignal.send(SIGKILL, to: pid)
                timeline.add(worker, milliseconds(), .killed)
                children[worker].finish()
                return
            }
            if worker == Self.sleeper {
                ProcessSignal.stop(pid)
                sleep = .frozen
                timeline.add(worker, milliseconds(), .frozen)
            }
        }
        children[worker].send("go")
    }

    private func storeSaid(_ line: String) {
        let words = line.split(separator: " ").map(String.init)
        guard words.count == 2, let answer = StoreAnswer(rawValue: words[1]), let record = open[words[0]] else {
            return
        }
        timeline.add(record.worker, milliseconds(), .stored(id: words[0], token: record.token, answer))
        children[record.worker].send(words[1])
        // Another worker has the lock and has written: now the sleeper may go on, and it is too late.
        if case .frozen = sleep, record.worker != Self.sleeper, let pid = pids[Self.sleeper] {
            sleep = .thawed
            ProcessSignal.send(SIGCONT, to: pid)
            timeline.add(Self.sleeper, milliseconds(), .thawed)
        }
    }
}
