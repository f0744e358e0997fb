// SPDX-License-Identifier: Apache-2.0

import ProcessSignals
import Subprocess
import Synchronization
import TestSupport
import ZooKeeper
import ZooKeeperTesting

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A process that uses a peer's library: its contenders execute commands.
final class PeerProcess: Sendable {
    /// The answer of a contender: one word, and the rest of the line.
    struct Answer: Sendable {
        var word: String
        var text: String

        /// Returns the value of `key=value` in it.
        subscript(_ key: String) -> String? {
            text.split(separator: " ").first { $0.hasPrefix("\(key)=") }.map {
                String($0.dropFirst(key.utf8.count + 1))
            }
        }
    }

    private struct State {
        var pid: Int32?
        var isKilled = false
        var open: [String: [Promise<Answer>]] = [:]
        var lost: Set<String> = []
        var revocations: Set<String> = []
    }

    let peer: Peer
    private let state = Shared(State())
    private let commands: AsyncStream<String>
    private let send: AsyncStream<String>.Continuation
    private let ready = Promise<Bool>()
    private let finished = Promise<Void>()

    private init(_ peer: Peer) {
        self.peer = peer
        (commands, send) = AsyncStream.makeStream()
    }

    deinit { send.finish() }

    /// Starts one, and waits until its session is connected.
    static func start(_ peer: Peer, _ connect: String, sessionTimeout: Duration) async throws -> PeerProcess {
        let process = PeerProcess(peer)
        process.run([connect, "\(sessionTimeout.wholeMilliseconds)"])
        guard case .value(true) = await process.ready.wait(until: .now + patience) else {
            await process.end()
            throw TestKitError("the process of \(peer.rawValue) did not get ready")
        }
        return process
    }

    /// Makes a new contender in it.
    func contender(_ recipe: String, at path: ZNodePath) async throws -> RemoteContender {
        let contender = RemoteContender(process: self)
        try await contender.do("new \(recipe) \(path)", expecting: "made")
        return contender
    }

    /// Kills it with SIGKILL.
    func kill() {
        let pid = state.withLock { state in
            defer { state.isKilled = true }
            return state.isKilled ? nil : state.pid
        }
        // Not reaped before the end of its output has been seen, which sets `isKilled`.
        if let pid { ProcessSignal.send(SIGKILL, to: pid) }
    }

    /// Stops it with SIGSTOP.
    func freeze() {
        if let pid = state.withLock({ $0.isKilled ? nil : $0.pid }) { ProcessSignal.stop(pid) }
    }

    /// Lets it go on.
    func thaw() { signal(SIGCONT) }

    /// Kills it, and waits until it is gone.
    func end() async {
        kill()
        send.finish()
        await finished.wait(isShielded: true)
    }

    func ask(_ name: String, _ command: String) -> Promise<Answer> {
        let answer = Promise<Answer>()
        let isThere = state.withLock { state in
            guard !state.isKilled else { return false }
            state.open[name, default: []].append(answer)
            return true
        }
        if isThere { send.yield("\(name) \(command)") } else { answer.fulfil(Answer(word: "gone", text: "")) }
        return answer
    }

    /// Returns `true` if the library has told this contender that it may not hold the lock any more.
    func hasBeenTold(_ name: String) -> Bool { state.withLock { $0.lost.contains(name) } }

    /// Returns `true` if the library has told this contender that another client requests revocation.
    func hasHeardOfRevocation(_ name: String) -> Bool { state.withLock { $0.revocations.contains(name) } }

    private func signal(_ number: Int32) {
        let pid = state.withLock { $0.isKilled ? nil : $0.pid }
        if let pid { ProcessSignal.send(number, to: pid) }
    }

    private func run(_ arguments: [String]) {
        Task { [self] in
            await peer.program.converse(arguments, commands) { [self] pid in
                state.withLock { $0.pid = pid }
            } heard: { [self] line in
                hear(line)
            } ended: { [self] in
                gone()
            }
            ready.fulfil(false)
            finished.fulfil(())
        }
    }

    private func hear(_ line: String) {
        if line == "ready" { return _ = ready.fulfil(true) }
        let words = line.split(separator: " ", maxSplits: 2).map(String.init)
        guard words.count >= 2 else { return }
        let answer = state.withLock { state -> Promise<Answer>? in
            if words[1] == "lost" {
                state.lost.insert(words[0])
                return nil
            }
            if words[1] == "revocation" {
                state.revocations.insert(words[0])
                return nil
            }
            guard state.open[words[0]]?.isEmpty == false else { return nil }
            return state.open[words[0]]?.removeFirst()
        }
        answer?.fulfil(Answer(word: words[1], text: words.count > 2 ? words[2] : ""))
    }

    private func gone() {
        let open = state.withLock { state in
            state.isKilled = true
            defer { state.open = [:] }
            return state.open.values.flatMap { $0 }
        }
        for answer in open { answer.fulfil(Answer(word: "gone", text: "")) }
        send.finish()
    }
}

/// A contender in a peer's process.
struct RemoteContender: Sendable {
    private static let counter = Atomic(0)

    let name = "c\(counter.add(1, ordering: .relaxed).newValue)"
    let process: PeerProcess

    var peer: Peer { process.peer }

    /// Sends a command, and returns its answer to come.
    func begin(_ command: String) -> Promise<PeerProcess.Answer> { process.ask(name, command) }

    /// Sends a command, and waits for the answer.
    func ask(_ command: String) async throws -> PeerProcess.Answer {
        try await answer(to: command, begin(command))
    }

    /// Waits for an answer.
    ///
    /// - Parameter limit: Far longer than it should take, as of ``eventually(_:within:isolation:_:)``.
    func answer(
        to command: String, _ answer: Promise<PeerProcess.Answer>, within limit: Duration = patience
    ) async throws -> PeerProcess.Answer {
        guard case .value(let answer) = await answer.wait(until: .now + limit) else {
            throw PeerViolation(peer, "no answer to \(command.firstWord)")
        }
        return answer
    }

    /// Sends a command, and waits for this answer.
    ///
    /// - Throws: ``PeerViolation`` if the answer is another.
    @discardableResult
    func `do`(
        _ command: String, expecting word: String, within limit: Duration = patience
    ) async throws -> PeerProcess.Answer {
        let answer = try await answer(to: command, begin(command), within: limit)
        guard answer.word == word else {
            throw PeerViolation(peer, "\(command.firstWord): \(answer.word) \(answer.text)")
        }
        return answer
    }
}

extension String {
    fileprivate var firstWord: Substring { prefix { $0 != " " } }
}

/// A violation by one of the libraries.
struct PeerViolation: Error, CustomStringConvertible {
    var by: Peer
    var what: String

    init(_ peer: Peer, _ what: String) {
        by = peer
        self.what = what
    }

    var description: String { "\(by.rawValue): \(what)" }
}
