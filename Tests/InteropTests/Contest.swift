import TestSupport
import ZooKeeper

/// All at once for the same lock, which guards a number in a file, and nothing else does.
struct Contest: Sendable {
    let encounter: Encounter

    func play(_ first: PeerProcess, _ second: PeerProcess, rounds: Int) async throws {
        _ = try await forAll(Slot.mixed(encounter.pairing.peer)) { slot in
            let path = try await encounter.company.server.makeDirectory().child("line")
            try await withTemporaryFile(containing: "0") { file in
                var contenders: [RemoteContender] = []
                for process in [first, second] {
                    for recipe in [slot.holder, slot.waiter] {
                        contenders.append(try await process.contender(recipe, at: path))
                    }
                }
                let torn = try await forAll(contenders) { contender in
                    do {
                        let answer = try await contender.do(
                            "count \(rounds) \(file)", expecting: "counted", within: patience * max(1, rounds / 20))
                        return answer.text.split(separator: " ").last.flatMap { Int($0) } ?? 0
                    } catch let trouble as Trouble {
                        encounter.complain(trouble.what, by: trouble.by, slot)
                        return 0
                    }
                }
                .reduce(0, +)
                let writers = slot.isExclusive ? 4 : 2
                encounter.count(4 * rounds, slot)
                // Nobody can tell whose fault it is, so it is ours until it has been found out.
                let peer = encounter.pairing.isAlone ? encounter.pairing.peer : Peer.ours
                if try readFile(file) != "\(writers * rounds)" { encounter.complain("lost counts", by: peer, slot) }
                if torn > 0 { encounter.complain("torn reads", by: peer, slot) }
            }
        }
    }
}
