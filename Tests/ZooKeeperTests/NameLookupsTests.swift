// SPDX-License-Identifier: Apache-2.0

import Dispatch
import TestSupport
import Testing
import ZooKeeper

/// The lookups of the servers' names, of which some hang.
@Suite(.timeLimit(.minutes(1))) struct NameLookupsTests {
    /// Names whose lookups hang until they are let go, and how often each was asked for.
    private final class Names: Sendable {
        private let hanging: Set<String>
        private let isLetGo = DispatchSemaphore(value: 0)
        private let failing = Shared<Set<String>>(["none"])
        private let counts = Shared<[String: Int]>([:])

        init(hanging: Set<String>) { self.hanging = hanging }

        func count(_ host: String) -> Int { counts.value[host, default: 0] }

        func letGo() { isLetGo.signal() }

        func fail(_ host: String) { failing.withLock { _ = $0.insert(host) } }

        func look(for server: ServerAddress) -> Resolver.Lookup {
            counts.withLock { $0[server.host, default: 0] += 1 }
            if hanging.contains(server.host) { isLetGo.wait() }
            if failing.value.contains(server.host) { return .fault("\(server.host) is no name") }
            return .addresses([
                Resolver.Address(text: "\(server.host):\(server.port)", family: 2, isReachable: true)
            ])
        }
    }

    private func servers(_ hosts: String...) throws -> [ServerAddress] {
        try hosts.map { try ServerAddress(host: $0, port: 1) }
    }

    @Test func allThatAnswerAreOneAnswer() async throws {
        let names = Names(hanging: [])
        let lookups = NameLookups(patience: .seconds(3_600), lookup: { names.look(for: $0) })
        let answers = Shared<[Resolver.Resolution]>([])
        lookups.ask(for: try servers("a", "none", "b", "a"), in: .fixed) { answer in
            answers.withLock { $0.append(answer) }
        }
        try await eventually("an answer") { answers.value.count == 1 }
        #expect(answers.value == [Resolver.Resolution(addresses: ["a:1", "b:1"], faults: ["none is no name"])])
        #expect(names.count("a") == 1)
    }

    @Test func oneThatHangsIsNotWaitedForAndComesLate() async throws {
        let names = Names(hanging: ["a"])
        let lookups = NameLookups(patience: .milliseconds(20), lookup: { names.look(for: $0) })
        let answers = Shared<[Resolver.Resolution]>([])
        func ask() throws {
            lookups.ask(for: try servers("a", "b"), in: .fixed) { answer in answers.withLock { $0.append(answer) } }
        }
        try ask()
        try await eventually("an answer") { answers.value.count == 1 }
        #expect(answers.value[0].addresses == ["b:1"])
        #expect(answers.value[0].faults == ["a cannot be resolved: there is no answer yet"])
        // Asked again, it is still the same question.
        try ask()
        try await eventually("another answer") { answers.value.count == 2 }
        #expect(names.count("a") == 1)
        #expect(names.count("b") == 2)
        names.letGo()
        try await eventually("the rest") { answers.value.count == 3 }
        #expect(answers.value[2] == Resolver.Resolution(addresses: ["a:1", "b:1"], faults: []))
    }

    /// Where names cannot be resolved, their servers may be where they were.
    @Test func theAddressesOfANameThatFailsAreKept() async throws {
        let names = Names(hanging: [])
        let lookups = NameLookups(patience: .seconds(3_600), lookup: { names.look(for: $0) })
        let answers = Shared<[Resolver.Resolution]>([])
        for _ in 0..<2 {
            let before = answers.value.count
            lookups.ask(for: try servers("a", "b"), in: .fixed) { answer in answers.withLock { $0.append(answer) } }
            try await eventually("an answer") { answers.value.count == before + 1 }
            names.fail("a")
        }
        #expect(answers.value[0] == Resolver.Resolution(addresses: ["a:1", "b:1"], faults: []))
        #expect(answers.value[1] == Resolver.Resolution(addresses: ["a:1", "b:1"], faults: ["a is no name"]))
    }

    /// An operator replaces the servers because their names hang.
    @Test func otherServersAreAnAnswerToTheQuestionThatHangs() async throws {
        let names = Names(hanging: ["a"])
        let lookups = NameLookups(patience: .seconds(3_600), lookup: { names.look(for: $0) })
        let answers = Shared<[Resolver.Resolution]>([])
        lookups.ask(for: try servers("a"), in: .fixed) { answer in answers.withLock { $0.append(answer) } }
        lookups.update(try servers("b"))
        try await eventually("an answer") { answers.value.count == 1 }
        #expect(answers.value == [Resolver.Resolution(addresses: ["b:1"], faults: [])])
        // Nobody has asked.
        lookups.update(try servers("c"))
        names.letGo()
        #expect(names.count("c") == 0)
        #expect(answers.value.count == 1)
    }
}
