// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

@Suite(.timeLimit(.minutes(3))) struct EnsembleConfigurationTests {
    @Test func aStandaloneServerHasNone() async throws {
        try await ZooKeeperServer.withServer { server in
            try await server.withClient { client in
                let configuration = try await client.ensembleConfiguration()
                #expect(configuration.servers == [:])
                #expect(configuration.version == 0)
                await expectFailure(.unimplemented, execution: .refused) {
                    try await client.reconfigure(.change(leaving: [1]))
                }
                await expectFailure(.invalidArgument, execution: .notSent) {
                    try await client.reconfigure(.replace(with: [1: "a\0b"]))
                }
                let stat = try await client.exists("/")
                #expect(stat != nil)
            }
        }
    }

    /// An ensemble of one, which may be changed.
    @Test func anEnsembleSaysAndChangesItsServers() async throws {
        let ports = [try ZooKeeperServer.freePort(), try ZooKeeperServer.freePort()]
        let line = "127.0.0.1:\(ports[0]):\(ports[1]):participant"
        var setup = ServerConfiguration()
        setup.myID = 1
        setup.properties = [
            "server.1": line, "reconfigEnabled": "true", "standaloneEnabled": "false", "initLimit": "10",
            "syncLimit": "5",
        ]
        setup.systemProperties["zookeeper.skipACL"] = "yes"
        try await ZooKeeperServer.withServer(setup) { server in
            // Also below a chroot it is the same.
            try await server.withClient { client in
                let (old, watch) = try await {
                    let watched = try await client.ensembleConfigurationWatched()
                    return (watched.value, watched.watch)
                }()
                #expect(old.servers.keys.sorted() == [1])
                #expect(old.servers[1]?.hasPrefix(line) == true)
                await expectFailure(.badVersion, execution: .refused) {
                    try await client.reconfigure(.change(leaving: [2], ifVersion: old.version + 5))
                }
                let observer = "127.0.0.1:1:2:observer;127.0.0.1:3"
                let new = try await client.reconfigure(.change(joining: [2: observer], ifVersion: old.version))
                #expect(new.servers.keys.sorted() == [1, 2])
                #expect(new.version > old.version)
                let event = try await watch.event()
                #expect(event.path == "/zookeeper/config")
                let seen = try await client.ensembleConfiguration()
                #expect(seen == new)
                let last = try await client.reconfigure(.change(leaving: [2]))
                #expect(last.servers.keys.sorted() == [1])
            }
        }
    }
}
