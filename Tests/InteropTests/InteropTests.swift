// SPDX-License-Identifier: Apache-2.0

import Testing

/// Real Curator, kazoo and go-zookeeper, each in processes of its own, on the same paths as this library.
///
/// A matrix is printed at the end, by recipe, peer and fault: the violations by this library (none, or a test fails),
/// and those by the peer, together with this library and by itself. `INTEROP_ROUNDS` says how often every scenario is
/// run.
@Suite(.interopEnvironment, .timeLimit(.minutes(60))) struct InteropTests {
    /// Runs the scenario in both orders, and with the peer alone.
    static func meet(_ peer: Peer, _ fault: Fault) async throws {
        let environment = try InteropEnvironment.required
        var left = InteropEnvironment.rounds
        while left > 0 {
            let copies = min(left, 10)
            left -= copies
            _ = try await forAll(PeerRoles.all(peer)) { peers in
                try await InteropScenario(environment: environment, peers: peers, fault: fault).run(copies)
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
