// SPDX-License-Identifier: Apache-2.0

/// What one address does with a client that connects to it: found by trying, when no connection comes about.
package struct ServerFinding: Sendable, Hashable, CustomStringConvertible {
    package enum Behaviour: Sendable, Hashable {
        /// It refuses connections: no server runs there.
        case refuses
        /// There is no way there.
        case unreachable(String)
        /// Nothing comes back.
        case isSilent
        /// It accepts connections, and does not answer.
        case acceptsAndIsSilent
        /// It accepts connections, and closes them.
        case acceptsAndCloses
        /// A ZooKeeper server, which says that it serves nobody: most often for lack of a quorum.
        case servesNobody
        /// A ZooKeeper server that serves clients.
        case serves
        /// Something answers that is no ZooKeeper server.
        case isNoServer
    }

    /// `address:port`.
    package var address: String
    package var behaviour: Behaviour

    package init(_ address: String, _ behaviour: Behaviour) {
        self.address = address
        self.behaviour = behaviour
    }

    /// For people: what it does, and what that may mean.
    package var description: String { "\(address) \(words)" }

    private var words: String {
        switch behaviour {
        case .refuses: "refuses connections (no server runs there)"
        case .unreachable(let reason): "cannot be reached (\(reason))"
        case .isSilent: "is silent (a firewall, or a machine that is gone)"
        case .acceptsAndIsSilent: "accepts connections and does not answer (frozen, or a TLS port)"
        case .acceptsAndCloses:
            "accepts connections and closes them (too many from this client: maxClientCnxns; a TLS port; or no ZooKeeper)"
        case .servesNobody: "runs and serves nobody (the ensemble has no quorum)"
        case .serves: "serves clients (the connection was lost, or takes too long)"
        case .isNoServer: "is no ZooKeeper server"
        }
    }
}
