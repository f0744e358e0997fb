import Testing

/// Real Curator, kazoo and go-zookeeper, each in processes of its own, on the same paths as we.
///
/// Each prints at the end what came of it: by recipe, peer and fault, what we did that we should not (nothing, or a test
/// fails), and what the peer did, with us and among its own. `INTEROP_ROUNDS` says how often everything takes place.
@Suite(.company, .timeLimit(.minutes(60))) struct InteropTests {
    /// Both orders, and the peer among its own.
    static func meet(_ peer: Peer, _ fault: Fault) async throws {
        let company = try Company.required
        var left = Company.rounds
        while left > 0 {
            let copies = min(left, 10)
            left -= copies
            _ = try await forAll(Pairing.all(peer)) { pairing in
                try await Encounter(company: company, pairing: pairing, fault: fault).play(copies)
            }
        }
    }

    @Test(.needs(.curator), arguments: Fault.chosen) func curator(_ fault: Fault) async throws {
        try await Self.meet(.curator, fault)
    }

    @Test(.needs(.kazoo), arguments: Fault.chosen) func kazoo(_ fault: Fault) async throws {
        try await Self.meet(.kazoo, fault)
    }

    @Test(.needs(.go), arguments: Fault.chosen) func goZooKeeper(_ fault: Fault) async throws {
        try await Self.meet(.go, fault)
    }
}
