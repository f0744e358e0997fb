// SPDX-License-Identifier: Apache-2.0

// The servers of a client, which may change while it runs.

import Logging
import Synchronization

extension ZooKeeperClient {
    /// The servers that count from the next connection on.
    public var servers: [ServerAddress] { state.withLock { $0.servers } }

    /// Replaces the servers. A connection that there is stays; those that follow it are to these servers.
    ///
    /// - Throws: ``ZooKeeperError`` with code `invalidConfiguration` if there is none.
    public func update(servers: [ServerAddress]) throws {
        guard !servers.isEmpty else {
            throw ZooKeeperError(.invalidConfiguration, message: "a client needs at least one server")
        }
        let latest = state.withLock { state in
            state.servers = servers
            return state.latest
        }
        latest?.transport.update(servers: servers)
    }

    /// Takes the servers from the ensemble's configuration, as it changes, until the client is closed.
    func followEnsemble() async {
        while !Task.isCancelled {
            do {
                let current = try await ensembleConfigurationWatched()
                let servers = current.value.clientAddresses
                if !servers.isEmpty, Set(servers) != Set(self.servers) {
                    try update(servers: servers)
                    logger.info(
                        "The ensemble has other servers now",
                        metadata: [LogKeys.servers: "\(servers.map(\.description).joined(separator: ","))"])
                }
                _ = try await current.watch.event()
            } catch {
                guard let error = error as? ZooKeeperError, error.code != .closed, error.code != .cancelled else {
                    return
                }
                if error.code == .noAuth {
                    logger.info("The ensemble's configuration cannot be read; going on with the servers that are known")
                    return
                }
                // Of a session that is lost, or of servers that do not answer: the next one will.
                await shutdown.wait(until: .now + .seconds(1))
            }
        }
    }

    /// Closes a session that this client has given up, so that its locks and other ephemeral nodes go at once: the servers
    /// may have kept it, and the next session would wait behind them. As long as none of them answers there is no next
    /// session either.
    func sayFarewell(to session: ZooKeeperSession) async {
        guard let id = session.id else { return }
        let identity = SessionIdentity(id: id, password: session.password)
        while state.withLock({ $0.life.opensSessions }) {
            var configuration = configuration
            (configuration.credentials, configuration.servers) = state.withLock { ($0.credentials, $0.servers) }
            let farewell = SessionFarewell(
                identity, timeout: session.timeout, over: makeTransport(configuration, logger))
            let callback = shutdown.whenFulfilled { farewell.end() }
            defer { shutdown.forget(callback) }
            if await farewell.say(until: .now + configuration.connectTimeout) { return }
            logNoServer()
        }
    }
}

extension EnsembleConfiguration {
    /// The addresses at which the servers take clients; `server.1=host:2888:3888:participant;[client address:]port`.
    package var clientAddresses: [ServerAddress] {
        servers.sorted { $0.key < $1.key }.compactMap { _, text in
            let parts = text.split(separator: ";", omittingEmptySubsequences: false)
            guard parts.count == 2 else { return nil }
            // Several addresses of one server, from 3.6 on, are separated by '|'.
            let client = parts[1]
            guard let server = parts[0].split(separator: "|").first, let host = host(in: server) else { return nil }
            guard client.contains(":") else { return try? ServerAddress(host: host, port: Int(client) ?? 0) }
            guard let address = try? ServerAddress(parsing: String(client)) else { return nil }
            // Where it listens on all of its addresses, it is reached as its fellows reach it.
            let isAny = ["0.0.0.0", "::", "0:0:0:0:0:0:0:0"].contains(address.host)
            return isAny ? try? ServerAddress(host: host, port: address.port) : address
        }
    }

    /// The host in `host:2888:3888:role`.
    private func host(in server: Substring) -> String? {
        if server.first == "[" {
            return server.firstIndex(of: "]").map { String(server[server.index(after: server.startIndex)..<$0]) }
        }
        return server.split(separator: ":").first.map(String.init)
    }
}
