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
/// contender's name; or by its owner, the contender's session, if the library gives its nodes no data.
final class ExternalClientDriver: ClientDriver {
    /// The answer to a command.
    private struct Answer: Sendable {
        /// Its first word; ``gone`` or ``silent`` if there is none.
        var word: String
        /// The session of the contender, if the library gives its nodes no data.
        var session: Int64?

        /// The process has ended.
        static let gone = Answer(word: "gone")
        /// The process lives, and has not answered until the end of the run.
        static let silent = Answer(word: "silent")
    }

    private struct State {
        var pending: [String: Promise<Answer>] = [:]
        /// The contenders whose library has reported the loss of the lock.
        var lost: Set<String> = []
        /// The answer to all commands from now on; `nil` while the process answers.
        var end: Answer?
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
    private let owners: SessionOwners
    private let recorder: Recorder
    private let send: AsyncStream<String>.Continuation
    private let state = Mutex(State())
    private let ready = Promise<Void>()
    private let stopped = Promise<Void>()

    init(
        _ library: ExternalLibrary, connect: String, process: String, incarnation: Int, _ settings: Settings,
        seed: UInt64, _ observer: ZooKeeperClient, _ owners: SessionOwners, _ recorder: Recorder,
        _ send: AsyncStream<String>.Continuation
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
        self.owners = owners
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
        let session = words.count < 3 ? nil : session(words[2])
        if let session { owners.note(session, of: process) }
        answer?.fulfil(Answer(word: words[1], session: session))
    }

    /// Parses the session in the text of an answer.
    private func session(_ text: String) -> Int64? {
        text.split(separator: " ").first { $0.hasPrefix("session=") }
            .flatMap { UInt64($0.dropFirst("session=".count), radix: 16) }
            .map { Int64(bitPattern: $0) }
    }

    func processEnded() { end(.gone) }

    /// Answers all commands that are under way, and all later ones.
    private func end(_ answer: Answer) {
        let pending = state.withLock { state in
            state.end = state.end ?? answer
            defer { state.pending = [:] }
            return state.pending.values
        }
        for pending in pending { pending.fulfil(answer) }
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
                end(.silent)
            }
            await group.waitForAll()
            deadline.cancel()
        }
        // The process ends with its input.
        send.finish()
    }

    /// Sends a command to a contender.
    ///
    /// - Returns: Its answer.
    private func execute(_ name: String, _ command: String) async -> Answer {
        let answer = Promise<Answer>()
        let end = state.withLock { state in
            if state.end == nil { state.pending[name] = answer }
            return state.end
        }
        if let end { return end }
        send.yield("\(name) \(command)")
        guard case .value(let value) = await answer.wait(isShielded: true) else { return .gone }
        return value
    }

    // MARK: Operations

    private func generate(_ name: String, _ random: inout SplitMix64) async {
        var number = 0
        while stopped.current == nil, state.withLock({ $0.end == nil }) {
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
        guard await execute(name, "new \(library.recipe(access)) \(RunConstants.queue)").word == "made" else { return }
        state.withLock { _ = $0.lost.remove(name) }
        recorder.record(process, .invoked(operation: operation, access))
        let answer = await execute(name, "acquire \(random.int(1...5))")
        let outcome: ExternalOutcome?
        switch answer.word {
        case "acquired": outcome = await hold(operation, name, answer.session, &random)
        case "timeout": outcome = .timedOut
        case "gone": outcome = nil
        case "silent": outcome = .neverReturned
        default: outcome = .failed
        }
        // An operation without an outcome ended with its process.
        if let outcome { recorder.record(process, .returned(operation: operation, outcome: outcome.rawValue)) }
    }

    private func hold(
        _ operation: String, _ name: String, _ session: Int64?, _ random: inout SplitMix64
    ) async -> ExternalOutcome? {
        var outcome = ExternalOutcome.notObserved
        do {
            let (node, czxid) = try await ownNode(name, session)
            outcome = .done
            let token = FencingToken(czxid: czxid)
            recorder.record(
                process, .granted(operation: operation, token: token.description, node: node.name))
            for _ in 0..<random.int(1...5) {
                guard await execute(name, "work").word == "working", !state.withLock({ $0.lost.contains(name) }) else {
                    outcome = .lost
                    break
                }
                if let zxid = try? await stamp(node, token) {
                    recorder.record(process, .stamped(operation: operation, zxid: zxid))
                }
                try? await Task.sleep(for: .milliseconds(random.int(2...60)))
            }
            // Before the command to release: until then no other process may hold.
            recorder.record(process, .bodyEnded(operation: operation))
        } catch is NoNode {
            outcome = .withoutNode
        } catch {
            // The servers do not answer, so the hold is not in the history.
        }
        switch await execute(name, "release").word {
        case "released": return outcome
        case "gone": return nil
        case "silent": return .neverReturned
        // A library that holds without a node cannot delete it either.
        default: return outcome == .withoutNode ? outcome : .failed
        }
    }

    /// The error that a contender that holds does not have exactly one node.
    private struct NoNode: Error {}

    /// Finds the node of a contender, by its session or else its name.
    private func ownNode(_ name: String, _ session: Int64?) async throws -> (ZNodePath, Zxid) {
        try await retryingWhileThrottled { try await observer.sync() }
        var found: [(ZNodePath, Zxid)] = []
        for child in try await retryingWhileThrottled({ try await observer.children(of: RunConstants.queue).names }) {
            let path = RunConstants.queue.child(child)
            let node: ZNode
            do { node = try await retryingWhileThrottled { try await observer.get(path) } } catch {
                guard ZooKeeperError.Code.noNode ~= error else { throw error }
                continue
            }
            let isOwn =
                session.map { node.stat.ephemeralOwner.rawValue == $0 }
                ?? (String(decoding: node.data, as: UTF8.self) == name)
            if isOwn { found.append((path, node.stat.czxid)) }
        }
        guard found.count == 1 else { throw NoNode() }
        return found[0]
    }

    private func stamp(_ node: ZNodePath, _ token: FencingToken) async throws -> Int64 {
        try await observer.transaction(Check(node), SetData(RunConstants.history, to: token.bytes)).1.mzxid.rawValue
    }
}
