// SPDX-License-Identifier: Apache-2.0

import TestSupport
import ZooKeeper

/// Four contenders at a time for one lock, which is the only guard of a number in a file.
struct ContentionScenario: Sendable {
    let scenario: InteropScenario

    func run(_ first: PeerProcess, _ second: PeerProcess, rounds: Int) async throws {
        _ = try await forAll(RecipeRoles.mixed(scenario.peers.peer)) { recipes in
            let path = try await scenario.environment.server.makeDirectory().child("lock")
            try await withTemporaryFile(containing: "0") { file in
                var contenders: [RemoteContender] = []
                for process in [first, second] {
                    for recipe in [recipes.holder, recipes.waiter] {
                        contenders.append(try await process.contender(recipe, at: path))
                    }
                }
                let torn = try await forAll(contenders) { contender in
                    do {
                        let answer = try await contender.do(
                            "count \(rounds) \(file)", expecting: "counted", within: patience * max(1, rounds / 20))
                        return answer.text.split(separator: " ").last.flatMap { Int($0) } ?? 0
                    } catch let violation as PeerViolation {
                        scenario.report(violation.what, by: violation.by, recipes)
                        return 0
                    }
                }
                .reduce(0, +)
                let writers = recipes.isExclusive ? 4 : 2
                scenario.count(4 * rounds, recipes)
                // A lost count does not say which library lost it, so it counts as ours until it has been found out.
                let peer = scenario.peers.isAlone ? scenario.peers.peer : Peer.ours
                if try readFile(file) != "\(writers * rounds)" { scenario.report("lost counts", by: peer, recipes) }
                if torn > 0 { scenario.report("torn reads", by: peer, recipes) }
            }
        }
    }
}
