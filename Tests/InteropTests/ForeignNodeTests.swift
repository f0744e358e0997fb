// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

extension InteropTests {
    /// Nodes of other libraries in the directory of a lock, and our nodes as those libraries see them.
    @Suite struct ForeignNodeTests {
        /// Both libraries list the same participants in the same order, whichever of the two leads.
        @Test(.needs(.curator), arguments: ["latch", "selector"], [Peer.ours, .curator])
        func curatorListsUsAndWeIt(_ recipe: String, _ leader: Peer) async throws {
            try await listings(recipe, leader, leader == .ours ? .curator : .ours)
        }

        @Test(.needs(.kazoo), arguments: ["kazoo-lock", "election"], [Peer.ours, .kazoo])
        func kazooListsUsAndWeIt(_ recipe: String, _ leader: Peer) async throws {
            try await listings(recipe, leader, leader == .ours ? .kazoo : .ours)
        }

        private func listings(_ recipe: String, _ leader: Peer, _ candidate: Peer) async throws {
            let environment = try InteropEnvironment.required
            try await environment.withProcess(leader) { leader in
                try await environment.withProcess(candidate) { candidate in
                    let pair = try await LockPair(
                        RecipeRoles(recipe, recipe), leader, candidate, environment.server, environment.observer
                    ) { kind, peer in
                        Issue.record("\(peer.rawValue): \(kind)")
                    }
                    try await pair.grant(pair.holder)
                    try await pair.wait(pair.waiter, behind: 1)
                    let both = "\(pair.holder.name),\(pair.waiter.name)"
                    // A contender that waits answers no other command, so others list the participants.
                    for process in [leader, candidate] {
                        let observer = try await process.contender(recipe, at: pair.queue.path)
                        let answer = try await observer.do("list", expecting: "listed")
                        #expect(answer.text == both, "\(process.peer.rawValue)")
                    }
                    try await pair.release(pair.holder)
                    try await pair.grant(pair.waiter)
                    try await pair.release(pair.waiter)
                    try await pair.isEmpty()
                }
            }
        }

        /// The marker of a job that runs once in a while stands beside the participants.
        @Test(arguments: [Peer.go, .kazoo, .curator].filter { $0.whyNot == nil })
        func theMarkerOfARunDisturbsNobody(_ peer: Peer) async throws {
            let environment = try InteropEnvironment.required
            let path = try await environment.server.makeDirectory()
            let lock = ZooKeeperLock(environment.observer, at: path)
            try await lock.runOncePer(.seconds(3_600)) { _ in }
            try await environment.withProcess(peer) { process in
                let other = try await process.contender(peer == .kazoo ? "kazoo-lock" : "lock", at: path)
                try await other.do("acquire", expecting: "acquired")
                try await other.do("release", expecting: "released")
            }
        }

        /// A contender without data, which our own nodes never are, is one all the same; and a child that is none is
        /// not.
        @Test(.needs(.kazoo), arguments: ["kazoo-lock", "lock", "write", "latch"])
        func dataThatIsNull(_ recipe: String) async throws {
            let environment = try InteropEnvironment.required
            let path = try await environment.server.makeDirectory()
            let guid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
            let name = [
                "kazoo-lock": "\(guid.filter { $0 != "-" })__lock__", "lock": "_c_\(guid)-lock-",
                "write": "_c_\(guid)-__READ__", "latch": "_c_\(guid)-latch-",
            ][recipe, default: ""]
            // So that the sequence numbers of later contenders are higher.
            try await environment.observer.delete(
                environment.observer.create(path.child("x"), mode: .persistentSequential).path)
            let planted = path.child(name + "0000000000")
            try await environment.withProcess(.ours) { process in
                try await environment.withProcess(.kazoo) { kazoo in
                    let planter = try await kazoo.contender("kazoo-lock", at: path)
                    try await planter.do("plant \(planted)", expecting: "planted")
                    try await planter.do("plant \(path.child("foreign"))", expecting: "planted")
                    let waiter = try await process.contender(recipe, at: path)
                    let grant = waiter.begin("acquire")
                    try await eventually("waits for it") { try await environment.isWatched(planted) }
                    let observer = try await process.contender(recipe, at: path)
                    let listed = try await observer.do("list", expecting: "listed")
                    #expect(listed.text == ",\(waiter.name)")
                    #expect(grant.current == nil)
                    try await environment.observer.delete(planted)
                    let answer = try await waiter.answer(to: "acquire", grant)
                    #expect(answer.word == "acquired")
                    try await waiter.do("release", expecting: "released")
                }
            }
        }

        /// Children that are no contenders block no participant, and our nodes do not block them.
        @Test(.needs(.curator), arguments: PeerRoles.all(.curator).dropLast())
        func foreignChildren(_ peers: PeerRoles) async throws {
            let environment = try InteropEnvironment.required
            try await environment.withProcess(peers.holder) { holder in
                try await environment.withProcess(peers.waiter) { waiter in
                    for recipes in RecipeRoles.all(.curator) {
                        let pair = try await LockPair(recipes, holder, waiter, environment.server, environment.observer)
                        {
                            kind, peer in
                            Issue.record("\(peer.rawValue): \(kind)")
                        }
                        try await pair.grant(pair.holder)
                        // Behind all digits: what is before them Curator waits for, for ever.
                        for name in ["config", "zz"] {
                            try await environment.observer.create(pair.queue.path.child(name), mode: .ephemeral)
                        }
                        let waiter = pair.waiter.begin("acquire")
                        try await eventually("enqueued") { try await pair.queue.count() == 4 }
                        try await pair.release(pair.holder)
                        let answer = try await pair.waiter.answer(to: "acquire", waiter)
                        #expect(answer.word == "acquired")
                        try await pair.release(pair.waiter)
                    }
                }
            }
        }
    }
}
