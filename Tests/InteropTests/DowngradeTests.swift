// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

extension InteropTests {
    /// A writer goes on as a reader, with others behind it.
    @Suite(.needs(.curator)) struct DowngradeTests {
        /// Runs `body` with a writer that may go on as a reader, and another writer queued behind it.
        private func withWriters(
            _ first: Peer, _ second: Peer, _ body: @Sendable (LockPair, PeerProcess) async throws -> Void
        ) async throws {
            let environment = try InteropEnvironment.required
            let peers = PeerRoles(holder: first, waiter: second)
            let recipes = RecipeRoles("read/write lock", "downgrading", "write")
            let row = Matrix.Row(recipe: recipes.recipe, peer: .curator, fault: "downgraded by \(first.rawValue)")
            environment.matrix.add(1, row, isAlone: peers.isAlone)
            try await environment.withProcess(first) { holder in
                try await environment.withProcess(second) { waiter in
                    let pair = try await LockPair(recipes, holder, waiter, environment.server, environment.observer) {
                        kind, peer in
                        environment.matrix.add(kind, by: peer, row, isAlone: peers.isAlone)
                        // Curator 5.4.0 does it in two steps, with a gap between them (CURATOR-621).
                        if first == .ours || peer == .ours { Issue.record("\(peer.rawValue): \(kind)") }
                    }
                    try await pair.grant(pair.holder)
                    try await pair.workInTurn(pair.holder)
                    try await pair.wait(pair.waiter, behind: 1)
                    try await body(pair, waiter)
                    try await pair.isEmpty()
                }
            }
        }

        /// Our writer becomes a reader: Curator's writer behind it goes on waiting, and so does Curator's reader
        /// behind that.
        @Test func ours() async throws {
            try await withWriters(.ours, .curator) { pair, curator in
                let reader = try await curator.contender("read", at: pair.queue.path)
                try await pair.wait(reader, behind: 2)
                let writer = try #require(try await pair.queue.nodes().dropFirst().first)
                try await pair.holder.do("downgrade", expecting: "downgraded")
                let names = try await pair.queue.nodes().map(\.name)
                #expect(names.count == 3)
                #expect(names[0].contains("-__READ__"))
                #expect(names[1] == writer.name)
                // The writer has listed the queue again and waits for the node that is in front of it now.
                try await eventually("the writer waits for the reader") {
                    try await InteropEnvironment.required.isWatched(pair.queue.path.child(names[0]))
                }
                #expect(!pair.hasAnswered(pair.waiter))
                #expect(!pair.hasAnswered(reader))
                try await pair.workInTurn(pair.holder)
                try await pair.release(pair.holder)
                try await pair.grant(pair.waiter)
                #expect(!pair.hasAnswered(reader))
                try await pair.release(pair.waiter)
                try await pair.grant(reader)
                try await pair.release(reader)
            }
        }

        /// Curator 5.4.0 becomes a reader at the end of the queue, and the writer that waited comes first: ours, as
        /// well as its own. From 5.5 on it keeps its place (CURATOR-621), and the writer goes on waiting.
        @Test(arguments: [Peer.ours, .curator]) func curators(_ waiter: Peer) async throws {
            try await withWriters(.curator, waiter) { pair, _ in
                try await pair.holder.do("downgrade", expecting: "downgraded")
                let answer = PeerProcess.Answer(word: "downgraded", text: "")
                let (_, inTheWay) = try await pair.queue.judge(pair.holder, answer)
                if inTheWay.isEmpty {
                    let names = try await pair.queue.nodes().map(\.name)
                    #expect(names.count == 2)
                    #expect(names.first?.contains("-__READ__") == true)
                    try await eventually("the writer waits for the reader") {
                        try await InteropEnvironment.required.isWatched(pair.queue.path.child(names[0]))
                    }
                    #expect(!pair.hasAnswered(pair.waiter))
                    try await pair.workInTurn(pair.holder)
                    try await pair.release(pair.holder)
                    try await pair.grant(pair.waiter)
                    try await pair.release(pair.waiter)
                } else {
                    pair.report("granted out of turn", .curator)
                    try await pair.grant(pair.waiter)
                    try await pair.workInTurn(pair.waiter)
                    try await pair.release(pair.waiter)
                    try await pair.release(pair.holder)
                }
            }
        }

        /// Our writers go on as readers, among Curator's writers and readers, and what they wrote stays until they end.
        @Test func oursAmongCurators() async throws {
            let environment = try InteropEnvironment.required
            let path = try await environment.server.makeDirectory().child("lock")
            let rounds = 10 * InteropEnvironment.rounds
            let row = Matrix.Row(recipe: "read/write lock", peer: .curator, fault: "downgraded by us, contended")
            environment.matrix.add(6 * rounds, row, isAlone: false)
            try await environment.withProcess(.ours) { ours in
                try await environment.withProcess(.curator) { curator in
                    try await withTemporaryFile(containing: "0") { file in
                        var contenders: [RemoteContender] = []
                        for (process, recipe) in [
                            (ours, "downgrading"), (ours, "downgrading"), (curator, "write"), (curator, "write"),
                            (curator, "read"), (curator, "read"),
                        ] {
                            contenders.append(try await process.contender(recipe, at: path))
                        }
                        let torn = try await forAll(contenders) { contender in
                            try await contender.do(
                                "count \(rounds) \(file)", expecting: "counted", within: patience * max(1, rounds / 20)
                            ).text
                        }
                        .filter { !$0.hasSuffix("torn 0") }
                        if !torn.isEmpty { environment.matrix.add("torn reads", by: .ours, row, isAlone: false) }
                        #expect(torn == [])
                        #expect(try readFile(file) == "\(4 * rounds)")
                    }
                }
            }
        }

        /// The nodes of Curator 5.5 and later: first a plain ephemeral reader with the writer's digits, then the
        /// writer goes.
        @Test func thatOfCurator55() async throws {
            let environment = try InteropEnvironment.required
            let path = try await environment.server.makeDirectory()
            let guid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
            try await environment.withProcess(.ours) { process in
                let queue = LockQueue(server: environment.server, client: environment.observer, path: path)
                let writer = try await environment.observer.create(
                    path.child("_c_\(guid)-__WRIT__"), data: "raw".utf8, mode: .ephemeralSequential
                ).path
                let waiter = try await process.contender("write", at: path)
                let grant = waiter.begin("acquire")
                try await eventually("enqueued") { try await queue.count() == 2 }
                let reader = path.child("_c_\(guid)-__READ__" + writer.name.suffix(10))
                try await environment.observer.create(reader, data: "raw".utf8, mode: .ephemeral)
                try await environment.observer.delete(writer)
                try await eventually("waits for the reader") { try await environment.isWatched(reader) }
                #expect(grant.current == nil)
                try await environment.observer.delete(reader)
                let answer = try await waiter.answer(to: "acquire", grant)
                #expect(answer.word == "acquired")
                try await waiter.do("release", expecting: "released")
            }
        }
    }
}

extension InteropEnvironment {
    /// Returns `true` if the server's own list of watches has one on this node.
    func isWatched(_ path: ZNodePath) async throws -> Bool {
        try await server.ask("wchp").split(separator: "\n").contains { $0 == path.string }
    }
}
