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
                // An ephemeral node goes with its session, so this is about one session. The body is cancelled when
                // that session is lost.
                try await client.withSession { session in try await stayRegistered(in: session) }
            } catch ZooKeeperError.Code.sessionLost {
                say("lost the session; registers again in the next")
            } catch ZooKeeperError.Code.connectTimeout, ZooKeeperError.Code.connectionLoss {
                say("no server answers; goes on trying")
            } catch {
                // At the end, everything throws.
                if !Task.isCancelled { throw error }
            }
        }
    }

    /// Returns when the session is over.
    private func stayRegistered(in session: ZooKeeperSession) async throws {
        // What is there, and then every change: so it is registered again too if an operator deletes the node.
        for try await node in session.updates(of: instance) {
            if let owner = node?.stat.ephemeralOwner {
                // Perhaps what we left behind when we were killed: it goes when the servers notice.
                if owner != session.id { say("\(instance.name) is taken by session \(owner); waits for it to go") }
                continue
            }
            try await createParents(in: session)
            do {
                try await session.create(instance, data: address.utf8, mode: .ephemeral)
                say("registered as \(instance.name) at \(address)")
            } catch ZooKeeperError.Code.nodeExists {
                // Another instance may have been faster: then the next update says which.
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
