import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

extension InteropTests {
    /// What else is in the directory of a line, and what others see of us there.
    @Suite struct NeighbourTests {
        /// Whoever is asked, we or the peer, and whoever leads: the same names in the same order.
        @Test(.needs(.curator), arguments: ["latch", "selector"], [Peer.ours, .curator])
        func curatorListsUsAndWeIt(_ recipe: String, _ leader: Peer) async throws {
            try await listings(recipe, leader, leader == .ours ? .curator : .ours)
        }

        @Test(.needs(.kazoo), arguments: ["kazoo-lock", "election"], [Peer.ours, .kazoo])
        func kazooListsUsAndWeIt(_ recipe: String, _ leader: Peer) async throws {
            try await listings(recipe, leader, leader == .ours ? .kazoo : .ours)
        }

        private func listings(_ recipe: String, _ leader: Peer, _ candidate: Peer) async throws {
            let company = try Company.required
            try await company.withProcess(leader) { leader in
                try await company.withProcess(candidate) { candidate in
                    let meeting = try await Meeting(
                        Slot(recipe, recipe), leader, candidate, company.server, company.onlooker
                    ) { kind, peer in
                        Issue.record("\(peer.rawValue): \(kind)")
                    }
                    try await meeting.grant(meeting.holder)
                    try await meeting.wait(meeting.waiter, behind: 1)
                    let both = "\(meeting.holder.name),\(meeting.waiter.name)"
                    // A contender that waits cannot be asked, so others are.
                    for process in [leader, candidate] {
                        let onlooker = try await process.contender(recipe, at: meeting.line.path)
                        let answer = try await onlooker.do("list", expecting: "listed")
                        #expect(answer.text == both, "\(process.peer.rawValue)")
                    }
                    try await meeting.release(meeting.holder)
                    try await meeting.grant(meeting.waiter)
                    try await meeting.release(meeting.waiter)
                    try await meeting.isEmpty()
                }
            }
        }

        /// A contender without data, which our own nodes never are, is one all the same; and a child that is none is not.
        @Test(.needs(.kazoo), arguments: ["kazoo-lock", "lock", "write", "latch"])
        func dataThatIsNull(_ recipe: String) async throws {
            let company = try Company.required
            let path = try await company.server.makeDirectory()
            let guid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
            let name = [
                "kazoo-lock": "\(guid.filter { $0 != "-" })__lock__", "lock": "_c_\(guid)-lock-",
                "write": "_c_\(guid)-__READ__", "latch": "_c_\(guid)-latch-",
            ][recipe, default: ""]
            // So that the digits of whoever comes are higher.
            try await company.onlooker.delete(
                company.onlooker.create(path.child("x"), mode: .persistentSequential).path)
            let planted = path.child(name + "0000000000")
            try await company.withProcess(.ours) { process in
                try await company.withProcess(.kazoo) { kazoo in
                    let planter = try await kazoo.contender("kazoo-lock", at: path)
                    try await planter.do("plant \(planted)", expecting: "planted")
                    try await planter.do("plant \(path.child("foreign"))", expecting: "planted")
                    let waiter = try await process.contender(recipe, at: path)
                    let grant = waiter.begin("acquire")
                    try await eventually("waits for it") { try await company.isWatched(planted) }
                    let onlooker = try await process.contender(recipe, at: path)
                    let listed = try await onlooker.do("list", expecting: "listed")
                    #expect(listed.text == ",\(waiter.name)")
                    #expect(grant.current == nil)
                    try await company.onlooker.delete(planted)
                    let answer = try await waiter.answer(to: "acquire", grant)
                    #expect(answer.word == "acquired")
                    try await waiter.do("release", expecting: "released")
                }
            }
        }

        /// Children that are no contenders are in nobody's way, and do not make us stand in theirs.
        @Test(.needs(.curator), arguments: Pairing.all(.curator).dropLast())
        func foreignChildren(_ pairing: Pairing) async throws {
            let company = try Company.required
            try await company.withProcess(pairing.holder) { holder in
                try await company.withProcess(pairing.waiter) { waiter in
                    for slot in Slot.all(.curator) {
                        let meeting = try await Meeting(slot, holder, waiter, company.server, company.onlooker) {
                            kind, peer in
                            Issue.record("\(peer.rawValue): \(kind)")
                        }
                        try await meeting.grant(meeting.holder)
                        // Behind all digits: what is before them Curator waits for, for ever.
                        for name in ["config", "zz"] {
                            try await company.onlooker.create(meeting.line.path.child(name), mode: .ephemeral)
                        }
                        let waiter = meeting.waiter.begin("acquire")
                        try await eventually("in line") { try await meeting.line.count() == 4 }
                        try await meeting.release(meeting.holder)
                        let answer = try await meeting.waiter.answer(to: "acquire", waiter)
                        #expect(answer.word == "acquired")
                        try await meeting.release(meeting.waiter)
                    }
                }
            }
        }
    }
}
