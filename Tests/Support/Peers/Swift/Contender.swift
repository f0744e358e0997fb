// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import ZooKeeper
import ZooKeeperRecipes

/// A contender that acquires and releases a lock by command, one command after the other.
final class Contender: Sendable {
    /// One hold, from the acquire to its end.
    private struct Hold: Sendable {
        enum Order {
            case downgrade
            case release
        }

        let orders: AsyncStream<Order>
        let give: AsyncStream<Order>.Continuation
        /// The lease; `nil` if it was not had.
        let acquired = Promise<LockLease?>()
        /// The lease as a reader; `nil` if that failed.
        let downgraded = Promise<LockLease?>()
        /// The error with which it ended; `nil` without one.
        let ended = Promise<(any Error)?>()

        init() { (orders, give) = AsyncStream.makeStream() }
    }

    private let name: String
    private let client: ZooKeeperClient
    private let commands: AsyncStream<[String]>.Continuation

    init(_ name: String, _ client: ZooKeeperClient) {
        self.name = name
        self.client = client
        let (stream, commands) = AsyncStream<[String]>.makeStream()
        self.commands = commands
        Task { [self] in
            var recipe: Recipe?
            var hold: Hold?
            for await words in stream {
                do {
                    if words[0] == "new", words.count == 3 {
                        recipe = Recipe(words[1], at: words[2], named: name, client)
                        say(recipe == nil ? "failed no \(words[1])" : "made")
                    } else if let recipe {
                        say(try await answer(words, recipe, &hold))
                    }
                } catch {
                    say("failed \(error)")
                }
            }
        }
    }

    func execute(_ words: [String]) { commands.yield(words) }

    private func say(_ text: String) { Output.say("\(name) \(text)") }

    private func answer(_ words: [String], _ recipe: Recipe, _ hold: inout Hold?) async throws -> String {
        switch words[0] {
        case "acquire":
            let limit = words.count > 1 ? Int64(words[1]).map(Duration.seconds) : nil
            let new = Hold()
            hold = new
            start(new, recipe, limit)
            if case .value(let lease?) = await new.acquired.wait() { return "acquired token=\(lease.fencingToken)" }
            guard case .value(let error?) = await new.ended.wait() else { return "failed for no reason" }
            if LockError.Code.timedOut ~= error { return "timeout" }
            throw error
        case "work":
            guard let hold, let acquired = hold.acquired.current, let lease = acquired else { return "stopped" }
            let now = (hold.downgraded.current ?? nil) ?? lease
            return (try? now.checkHeld()) == nil ? "stopped" : "working"
        case "downgrade":
            hold?.give.yield(.downgrade)
            guard case .value(_?)? = await hold?.downgraded.wait() else { return "failed" }
            return "downgraded"
        case "list":
            return "listed " + (try await recipe.participants().map { $0.id ?? "?" }.joined(separator: ","))
        case "count":
            return try await count(Int(words[1]) ?? 0, in: FilePath(words[2]), recipe)
        case "release":
            hold?.give.yield(.release)
            if case .value(let error?)? = await hold?.ended.wait() { throw error }
            return "released"
        default:
            return "failed no \(words[0])"
        }
    }

    private func start(_ hold: Hold, _ recipe: Recipe, _ limit: Duration?) {
        Task { [self] in
            var failure: (any Error)?
            do {
                try await recipe.hold(waitingUpTo: limit) { lease, isDowngraded in
                    (isDowngraded ? hold.downgraded : hold.acquired).fulfil(lease)
                    for await order in hold.orders {
                        // The scope of such a writer goes on as a reader, unless its first body throws.
                        if recipe.kind == .downgrading, !isDowngraded, order == .release { throw Released() }
                        return
                    }
                    // The stream of a cancelled task ends.
                    say("lost")
                }
            } catch is Released {
            } catch {
                failure = error
            }
            hold.acquired.fulfil(nil)
            hold.downgraded.fulfil(nil)
            hold.ended.fulfil(failure)
        }
    }

    /// The error that ends a writing scope which is not to go on as a reader.
    private struct Released: Error {}

    private func count(_ rounds: Int, in file: FilePath, _ recipe: Recipe) async throws -> String {
        var torn = 0
        for _ in 0..<rounds {
            try await recipe.hold(waitingUpTo: nil) { _, isDowngraded in
                let before = try read(file)
                // A moment in which another contender would get the lock, if it could.
                try await Task.sleep(for: .milliseconds(1))
                if recipe.isReader || isDowngraded {
                    if try read(file) != before { torn += 1 }
                } else {
                    try write((Int(before) ?? 0) + 1, file)
                }
            }
        }
        return "counted \(rounds) torn \(torn)"
    }

    private func read(_ file: FilePath) throws -> String {
        let descriptor = try FileDescriptor.open(file, .readOnly)
        defer { try? descriptor.close() }
        var bytes = [UInt8](repeating: 0, count: 32)
        // The buffer lives for the call.
        let count = unsafe try bytes.withUnsafeMutableBytes { unsafe try descriptor.read(into: $0) }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    private func write(_ number: Int, _ file: FilePath) throws {
        let descriptor = try FileDescriptor.open(
            file, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
        defer { try? descriptor.close() }
        try descriptor.writeAll("\(number)".utf8)
    }
}
