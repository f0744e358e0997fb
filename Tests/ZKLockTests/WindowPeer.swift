// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// A program that uses another library: see Tests/Support/Peers/README.md. Its contenders are asked one at a time.
final class WindowPeer: Sendable {
    /// The libraries, by the folders of their programs.
    enum Library: String, Sendable, CaseIterable {
        case curator = "Curator"
        case kazoo = "Kazoo"
        case go = "Go"

        fileprivate var directory: String {
            let package = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
            return package.appending(environmentValue("PEERS") ?? ".build-peers").appending(rawValue).string
        }

        /// The reason for which it is not available on this machine; `nil` if it is.
        var whyNot: String? {
            if (try? readFile("\(directory)/run")) != nil { return nil }
            let reason = try? readFile("\(directory)/disabled").split(separator: "\n").first
            return "\(rawValue) is not here: \(reason ?? "run Scripts/build-peers, as Scripts/test does")"
        }
    }

    private let lines = Shared<[String]>([])
    private let commands: AsyncStream<String>
    private let send: AsyncStream<String>.Continuation
    private let hasEnded = Shared(false)

    private init() { (commands, send) = AsyncStream.makeStream() }

    /// Runs `body` with a program of `library`, which ends afterwards and lets go of everything.
    static func with(
        _ library: Library, _ connect: String, _ body: (WindowPeer) async throws -> Void
    ) async throws {
        let peer = WindowPeer()
        let program = Program(at: "\(library.directory)/run")
        let running = Task {
            await program.converse([connect, "60000"], peer.commands) { _ in
            } heard: { line in
                peer.lines.withLock { $0.append(line) }
            } ended: {
                peer.hasEnded.withLock { $0 = true }
            }
        }
        let result: Result<Void, any Error>
        do {
            _ = try await peer.line("ready")
            result = .success(try await body(peer))
        } catch {
            result = .failure(error)
        }
        // It ends with its standard input.
        peer.send.finish()
        await running.value
        try result.get()
    }

    /// Sends a command and waits for its answer.
    func `do`(_ name: String, _ command: String, expecting answer: String) async throws {
        let count = lines.value.count
        begin(name, command)
        try await eventually("\(name) \(command) is answered") {
            if self.hasEnded.value { throw TestKitError("the program has ended") }
            return self.lines.value.dropFirst(count).contains { $0.hasPrefix("\(name) ") }
        }
        let line = lines.value.dropFirst(count).first { $0.hasPrefix("\(name) ") } ?? ""
        guard line.hasPrefix("\(name) \(answer)") else { throw TestKitError("\(command): \(line)") }
    }

    /// Sends a command, whose answer does not matter.
    func begin(_ name: String, _ command: String) { send.yield("\(name) \(command)") }

    /// Waits for a line.
    func line(_ start: String) async throws -> String {
        try await eventually("it prints \(start)") {
            if self.hasEnded.value { throw TestKitError("the program has ended") }
            return self.lines.value.contains { $0.hasPrefix(start) }
        }
        return lines.value.first { $0.hasPrefix(start) } ?? ""
    }

    /// Makes a contender that holds the lock.
    func hold(_ name: String, _ recipe: String, at path: ZNodePath) async throws {
        try await self.do(name, "new \(recipe) \(path)", expecting: "made")
        try await self.do(name, "acquire", expecting: "acquired")
    }

    /// Makes a contender that waits for it.
    func wait(_ name: String, _ recipe: String, at path: ZNodePath) async throws {
        try await self.do(name, "new \(recipe) \(path)", expecting: "made")
        begin(name, "acquire")
    }
}

extension Trait where Self == ConditionTrait {
    /// Runs the tests only where `library` is available.
    static func needs(_ library: WindowPeer.Library) -> Self {
        .enabled(if: library.whyNot == nil, "\(library.whyNot ?? "")")
    }
}
