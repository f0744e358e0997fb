// SPDX-License-Identifier: Apache-2.0

#if ServiceLifecycle
import ServiceLifecycle
import ZooKeeper

/// Keeps an instance registered, in one session after another.
struct Registration: Service {
    let client: ZooKeeperClient
    let instance: ZNodePath
    let address: String

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await stayRegistered() }
    }

    private func stayRegistered() async throws {
        while !Task.isCancelled {
            do {
                // An ephemeral node is deleted with its session, so the body belongs to one session. It is cancelled
                // when that session is lost.
                try await client.withSession { session in try await stayRegistered(in: session) }
            } catch ZooKeeperError.Code.sessionLost {
                printLine("lost the session; registers again in the next")
            } catch ZooKeeperError.Code.connectTimeout, ZooKeeperError.Code.connectionLoss {
                printLine("no server answers; goes on trying")
            } catch {
                // After the cancellation, everything throws.
                if !Task.isCancelled { throw error }
            }
        }
    }

    /// Keeps the instance registered in one session, and returns when it ends.
    private func stayRegistered(in session: ZooKeeperSession) async throws {
        // The current state, and then every change: so the instance is also registered again if an operator deletes the
        // node.
        for try await node in session.updates(of: instance) {
            if let owner = node?.stat.ephemeralOwner {
                if owner == session.id {
                    // Known by the node, and not by the answer to its creation, which may be lost with the connection.
                    printLine("registered as \(instance.name) at \(address)")
                } else {
                    // Perhaps the node of an earlier process of this instance that was killed: its session expires.
                    printLine("\(instance.name) is taken by session \(owner); waiting for it to end")
                }
                continue
            }
            try await createParents(in: session)
            do {
                try await session.create(instance, data: address.utf8, mode: .ephemeral)
            } catch ZooKeeperError.Code.nodeExists {
                // Another process was faster: the next update contains its node.
            }
        }
    }

    private func createParents(in session: ZooKeeperSession) async throws {
        for path in instance.ancestors {
            do { try await session.create(path) } catch ZooKeeperError.Code.nodeExists {}
        }
    }
}
#endif
