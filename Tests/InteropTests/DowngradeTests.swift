import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

extension InteropTests {
    /// A writer goes on as a reader, with others behind it.
    @Suite(.needs(.curator)) struct DowngradeTests {
        /// A line with a writer that may go on as a reader, and another writer behind it.
        private func withWriters(
            _ first: Peer, _ second: Peer, _ body: @Sendable (Meeting, PeerProcess) async throws -> Void
        ) async throws {
            let company = try Company.required
            let pairing = Pairing(holder: first, waiter: second)
            let slot = Slot("read/write lock", "downgrading", "write")
            let row = Matrix.Row(recipe: slot.recipe, peer: .curator, fault: "downgraded by \(first.rawValue)")
            company.matrix.add(1, row, isAlone: pairing.isAlone)
            try await company.withProcess(first) { holder in
                try await company.withProcess(second) { waiter in
                    let meeting = try await Meeting(slot, holder, waiter, company.server, company.onlooker) {
                        kind, peer in
                        company.matrix.add(kind, by: peer, row, isAlone: pairing.isAlone)
                        // Curator 5.4.0 does it in two steps, with a gap between them (CURATOR-621).
                        if first == .ours || peer == .ours { Issue.record("\(peer.rawValue): \(kind)") }
                    }
                    try await meeting.grant(meeting.holder)
                    try await meeting.workInTurn(meeting.holder)
                    try await meeting.wait(meeting.waiter, behind: 1)
                    try await body(meeting, waiter)
                    try await meeting.isEmpty()
                }
            }
        }

        /// We become a reader: Curator's writer behind us goes on waiting, and its reader behind that too.
        @Test func ours() async throws {
            try await withWriters(.ours, .curator) { meeting, curator in
                let reader = try await curator.contender("read", at: meeting.line.path)
                try await meeting.wait(reader, behind: 2)
                let writer = try #require(try await meeting.line.nodes().dropFirst().first)
                try await meeting.holder.do("downgrade", expecting: "downgraded")
                let names = try await meeting.line.nodes().map(\.name)
                #expect(names.count == 3)
                #expect(names[0].contains("-__READ__"))
                #expect(names[1] == writer.name)
                // The writer has looked at the line again and waits for what is in front of it now.
                try await eventually("the writer waits for the reader") {
                    try await Company.required.isWatched(meeting.line.path.child(names[0]))
                }
                #expect(!meeting.hasAnswered(meeting.waiter))
                #expect(!meeting.hasAnswered(reader))
                try await meeting.workInTurn(meeting.holder)
                try await meeting.release(meeting.holder)
                try await meeting.grant(meeting.waiter)
                #expect(!meeting.hasAnswered(reader))
                try await meeting.release(meeting.waiter)
                try await meeting.grant(reader)
                try await meeting.release(reader)
            }
        }

        /// Curator 5.4.0 becomes a reader at the end of the line, and whoever waited comes first: us, as well as its own.
        @Test(arguments: [Peer.ours, .curator]) func curators(_ waiter: Peer) async throws {
            try await withWriters(.curator, waiter) { meeting, _ in
                try await meeting.holder.do("downgrade", expecting: "downgraded")
                let answer = PeerProcess.Answer(word: "downgraded", text: "")
                let (_, inTheWay) = try await meeting.line.judge(meeting.holder, answer)
                if !inTheWay.isEmpty { meeting.complain("granted out of turn", .curator) }
                try await meeting.grant(meeting.waiter)
                try await meeting.workInTurn(meeting.waiter)
                try await meeting.release(meeting.waiter)
                try await meeting.release(meeting.holder)
            }
        }

        /// Our writers go on as readers, among Curator's writers and readers, and what they wrote stays until they end.
        @Test func oursAmongCurators() async throws {
            let company = try Company.required
            let path = try await company.server.makeDirectory().child("line")
            let rounds = 10 * Company.rounds
            let row = Matrix.Row(recipe: "read/write lock", peer: .curator, fault: "downgraded by us, contended")
            company.matrix.add(6 * rounds, row, isAlone: false)
            try await company.withProcess(.ours) { ours in
                try await company.withProcess(.curator) { curator in
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
                        if !torn.isEmpty { company.matrix.add("torn reads", by: .ours, row, isAlone: false) }
                        #expect(torn == [])
                        #expect(try readFile(file) == "\(4 * rounds)")
                    }
                }
            }
        }

        /// The nodes of Curator 5.5 and later: first a plain ephemeral reader with the writer's digits, then the writer goes.
        @Test func thatOfCurator55() async throws {
            let company = try Company.required
            let path = try await company.server.makeDirectory()
            let guid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
            try await company.withProcess(.ours) { process in
                let line = Line(server: company.server, client: company.onlooker, path: path)
                let writer = try await company.onlooker.create(
                    path.child("_c_\(guid)-__WRIT__"), data: "raw".utf8, mode: .ephemeralSequential
                ).path
                let waiter = try await process.contender("write", at: path)
                let grant = waiter.begin("acquire")
                try await eventually("in line") { try await line.count() == 2 }
                let reader = path.child("_c_\(guid)-__READ__" + writer.name.suffix(10))
                try await company.onlooker.create(reader, data: "raw".utf8, mode: .ephemeral)
                try await company.onlooker.delete(writer)
                try await eventually("waits for the reader") { try await company.isWatched(reader) }
                #expect(grant.current == nil)
                try await company.onlooker.delete(reader)
                let answer = try await waiter.answer(to: "acquire", grant)
                #expect(answer.word == "acquired")
                try await waiter.do("release", expecting: "released")
            }
        }
    }
}

extension Company {
    /// Whether somebody watches the node, by the server's own list.
    func isWatched(_ path: ZNodePath) async throws -> Bool {
        try await server.ask("wchp").split(separator: "\n").contains { $0 == path.string }
    }
}
