// SPDX-License-Identifier: Apache-2.0

import Synchronization
import SystemPackage
import ZooKeeper
import ZooKeeperHistory
import ZooKeeperRecipes
import ZooKeeperTesting

/// Drives a process that uses another library: each contender of it executes one command at a time, and answers.
///
/// These contenders cannot stamp the history as our holders do, so the observer does it for them while they report that
/// they hold: the transaction succeeds only while the contender's node exists, which is found by its data, the
/// contender's name.
final class ExternalClientDriver: ClientDriver {
    private struct State {
        var pending: [String: Promise<String>] = [:]
        /// The contenders whose library has reported the loss of the lock.
        var lost: Set<String> = []
        var hasEnded = false
    }

    let executable: FilePath
    let arguments: [String]
    private let library: ExternalLibrary
    private let workload: Workload
    private let process: String
    /// The prefix of the names of its contenders.
    private let prefix: String
    private let tasks: Int
    private let rate: Rate
    private let seed: UInt64
    private let observer: ZooKeeperClient
    private let recorder: Recorder
    private let send: AsyncStream<String>.Continuation
    private let state = Mutex(State())
    private let ready = Promise<Void>()
    private let stopped = Promise<Void>()

    init(
        _ library: ExternalLibrary, connect: String, process: String, incarnation: Int, _ settings: Settings,
        seed: UInt64,
        _ observer: ZooKeeperClient, _ recorder: Recorder, _ send: AsyncStream<String>.Continuation
    ) {
        executable = library.executable
        arguments = [connect, "\(RunConstants.sessionTimeout.components.seconds * 1_000)"]
        self.library = library
        workload = settings.workload
        self.process = process
        prefix = "\(process).\(incarnation)"
        tasks = settings.tasks
        rate = settings.contenderRate
        self.seed = seed
        self.observer = observer
        self.recorder = recorder
        self.send = send
    }

    // MARK: The process

    func receive(_ line: String) {
        if line == "ready" { return _ = ready.fulfil(()) }
        let words = line.split(separator: " ", maxSplits: 2).map(String.init)
        guard words.count >= 2 else { return }
        let answer = state.withLock { state in
            if words[1] == "lost" { state.lost.insert(words[0]) }
            return words[1] == "lost" ? nil : state.pending.removeValue(forKey: words[0])
        }
        answer?.fulfil(words[1])
    }

    func processEnded() {
        let pending = state.withLock { state in
            state.hasEnded = true
            defer { state.pending = [:] }
            return state.pending.values
        }
        for answer in pending { answer.fulfil("gone") }
        ready.fulfil(())
    }

    func stop() { stopped.fulfil(()) }

    /// Does nothing: the client and its session belong to the library.
    func closeClient() {}

    func moveServers(to connect: String) {}

    func expireSession(by port: Int) {}

    func run() async {
        recorder.record(process, .isExternal(library: library.rawValue))
        await ready.wait(isShielded: true)
        await withTaskGroup(of: Void.self) { group in
            var random = SplitMix64(seed: seed)
            for task in 0..<tasks {
                let own = random.split()
                group.addTask {
                    var random = own
                    await self.generate("\(self.prefix)/\(task)", &random)
                }
            }
            let deadline = Task {
                await stopped.wait()
                // All faults have ended by now: a contender that still waits for an answer gets none.
                try await Task.sleep(for: .seconds(10))
                processEnded()
            }
            await group.waitForAll()
            deadline.cancel()
        }
        // The process ends with its input.
        send.finish()
    }

    /// Sends a command to a contender.
    ///
    /// - Returns: Its answer, one word; `gone` if its process has ended.
    private func execute(_ name: String, _ command: String) async -> String {
        let answer = Promise<String>()
        let isThere = state.withLock { state in
            if !state.hasEnded { state.pending[name] = answer }
            return !state.hasEnded
        }
        guard isThere else { return "gone" }
        send.yield("\(name) \(command)")
        guard case .value(let word) = await answer.wait(isShielded: true) else { return "gone" }
        return word
    }

    // MARK: Operations

    private func generate(_ name: String, _ random: inout SplitMix64) async {
        var number = 0
        while stopped.current == nil, !state.withLock({ $0.hasEnded }) {
            number += 1
            let access: HistoryEvent.Access =
                switch workload {
                case .lock: .lock
                case .readWrite: random.int(1...100) <= 70 ? .read : .write
                case .election: .lead
                }
            let began = ContinuousClock.now
            await perform("\(name).\(number)", name, access, &random)
            _ = await stopped.wait(until: rate.next(after: began, &random))
        }
    }

    private func perform(
        _ operation: String, _ name: String, _ access: HistoryEvent.Access, _ random: inout SplitMix64
    ) async {
        guard await execute(name, "new \(library.recipe(access)) \(RunConstants.queue)") == "made" else { return }
        state.withLock { _ = $0.lost.remove(name) }
        recorder.record(process, .invoked(operation: operation, access))
        let answer = await execute(name, "acquire \(random.int(1...5))")
        let outcome: String
        switch answer {
        case "acquired": outcome = await hold(operation, name, &random)
        case "timeout": outcome = "timedOut"
        case "gone": return
        default: outcome = "failed (other library)"
        }
        recorder.record(process, .returned(operation: operation, outcome: outcome))
    }

    private func hold(_ operation: String, _ name: String, _ random: inout SplitMix64) async -> String {
        var outcome = "no node (other library)"
        if let (node, czxid) = try? await ownNode(name) {
            outcome = "done"
            let token = FencingToken(czxid: czxid)
            recorder.record(
                process, .granted(operation: operation, token: token.description, node: node.name))
            for _ in 0..<random.int(1...5) {
                guard await execute(name, "work") == "working", !state.withLock({ $0.lost.contains(name) }) else {
                    outcome = "lost (other library)"
                    break
                }
                if let zxid = try? await stamp(node, token) {
                    recorder.record(process, .stamped(operation: operation, zxid: zxid))
                }
                try? await Task.sleep(for: .milliseconds(random.int(2...60)))
            }
            // Before the command to release: until then no other process may hold.
            recorder.record(process, .bodyEnded(operation: operation))
        }
        return await execute(name, "release") == "released" ? outcome : "failed (other library)"
    }

    /// Finds the node of a contender; `nil` if there is not exactly one.
    private func ownNode(_ name: String) async throws -> (ZNodePath, Zxid)? {
        try await retryingWhileThrottled { try await observer.sync() }
        var found: [(ZNodePath, Zxid)] = []
        for child in try await retryingWhileThrottled({ try await observer.children(of: RunConstants.queue).names }) {
            let path = RunConstants.queue.child(child)
            guard let node = try? await retryingWhileThrottled({ try await observer.get(path) }) else { continue }
            if String(decoding: node.data, as: UTF8.self) == name { found.append((path, node.stat.czxid)) }
        }
        return found.count == 1 ? found.first : nil
    }

    private func stamp(_ node: ZNodePath, _ token: FencingToken) async throws -> Int64 {
        try await observer.transaction(Check(node), SetData(RunConstants.history, to: token.bytes)).1.mzxid.rawValue
    }
}
