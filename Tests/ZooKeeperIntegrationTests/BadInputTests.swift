// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// Everything with which the C client crashes, aborts, leaves the chroot or loses the connection, and what the servers
/// refuse: each with the result that was decided for it. (Paths and connect strings have tables of their own, in
/// `ZNodePathTests` and `ConnectStringTests`: a bad one never becomes a value.)
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct BadInputTests {
    /// Servers return such identities broken.
    @Test func identitiesBeyondTheBasicPlaneAreRefused() async throws {
        try await ZooKeeperServer.required.withClient { client in
            for identity in [AccessControl.Identity(scheme: "digest", id: "😀:x"), .init(scheme: "😀", id: "x")] {
                let accessControl = AccessControl([AccessControl.Entry(.all, for: identity)])
                await expectFailure(.invalidArgument, execution: .notSent) {
                    try await client.create("/emoji", accessControl: accessControl)
                }
            }
            let accessControl = AccessControl([
                AccessControl.Entry(.all, for: .anyone),
                AccessControl.Entry(.all, for: .init(scheme: "digest", id: "é漢\u{FFEF}:x")),
            ])
            try await client.create("/a", accessControl: accessControl)
            let read = try await client.accessControl(of: "/a").accessControl
            #expect(Set(read.entries) == Set(accessControl.entries))
        }
    }

    private struct Case: Sendable {
        var name: String
        /// `nil`: it is accepted.
        var code: ZooKeeperError.Code?
        /// `true` if a request is sent to the server.
        var isSent: Bool
        var attempt: @Sendable (ZooKeeperSession) async throws -> Void
    }

    /// A client that is watched by a relay.
    private func withSession(
        _ body: (ZooKeeperSession, ZooKeeperRelay) async throws -> Void
    ) async throws {
        try await ZooKeeperServer.required.withRelayedClient { client, relay in
            try await client.withSession { session in try await body(session, relay) }
        }
    }

    @Test func everyCaseHasItsResult() async throws {
        let bytes = [UInt8](repeating: 7, count: 1_048_576)
        let cases: [Case] = [
            // Data and its length.
            Case(name: "no data", isSent: true) { try await $0.create("/empty") },
            Case(name: "data at the limit", isSent: true) {
                try await $0.create("/big", data: bytes.prefix(1_048_400))
            },
            Case(name: "1,048,576 bytes", code: .requestTooLarge, isSent: false) {
                try await $0.set("/empty", to: bytes)
            },
            Case(name: "1,048,576 bytes in a create", code: .requestTooLarge, isSent: false) {
                try await $0.create("/too-big", data: bytes)
            },
            Case(name: "1,048,576 bytes in a transaction", code: .requestTooLarge, isSent: false) {
                try await $0.transaction([SetData("/empty", to: bytes)])
            },
            Case(name: "two halves in a transaction", code: .requestTooLarge, isSent: false) {
                let half = bytes.prefix(524_288)
                try await $0.transaction([SetData("/empty", to: half), SetData("/big", to: half)])
            },
            // Paths.
            Case(name: "a path of 1,000,000 bytes", code: .noNode, isSent: true) {
                _ = try await $0.get(ZNodePath.root.child(String(repeating: "x", count: 1_000_000)))
            },
            Case(name: "a path of 1,048,576 bytes", code: .requestTooLarge, isSent: false) {
                _ = try await $0.get(ZNodePath.root.child(String(repeating: "x", count: 1_048_576)))
            },
            Case(name: "a nameless sequential node", isSent: true) {
                let created = try await $0.perform(Create(namelessIn: "/empty"))
                #expect(created.path.name.count == 10)
            },
            // Access control.
            Case(name: "an empty ACL", code: .invalidACL, isSent: false) {
                try await $0.create("/acl", accessControl: AccessControl([]))
            },
            Case(name: "an empty ACL set", code: .invalidACL, isSent: false) {
                try await $0.setAccessControl(of: "/empty", to: AccessControl([]))
            },
            Case(name: "an unknown scheme", code: .invalidACL, isSent: true) {
                let identity = AccessControl.Identity(scheme: "nonsense", id: "x")
                try await $0.create("/acl", accessControl: AccessControl([.init(.all, for: identity)]))
            },
            Case(name: "a zero byte in a scheme", code: .invalidArgument, isSent: false) {
                let identity = AccessControl.Identity(scheme: "wor\u{0}ld", id: "anyone")
                try await $0.create("/acl", accessControl: AccessControl([.init(.all, for: identity)]))
            },
            Case(name: "a zero byte in an id", code: .invalidArgument, isSent: false) {
                let identity = AccessControl.Identity(scheme: "world", id: "any\u{0}one")
                try await $0.create("/acl", accessControl: AccessControl([.init(.all, for: identity)]))
            },
            Case(name: "creator without credentials", code: .invalidACL, isSent: true) {
                try await $0.create("/acl", accessControl: .creatorAll)
            },
            // Modes.
            Case(name: "a time to live of zero", code: .invalidArgument, isSent: false) {
                try await $0.create("/t", mode: .persistent(timeToLive: .zero))
            },
            Case(name: "a negative time to live", code: .invalidArgument, isSent: false) {
                try await $0.create("/t", mode: .persistent(timeToLive: .seconds(-1)))
            },
            Case(name: "less than a millisecond to live", code: .invalidArgument, isSent: false) {
                try await $0.create("/t", mode: .persistent(timeToLive: .microseconds(999)))
            },
            Case(name: "2^40 ms to live", code: .invalidArgument, isSent: false) {
                try await $0.create("/t", mode: .persistent(timeToLive: .milliseconds(1 << 40)))
            },
            Case(name: "all seconds there are to live", code: .invalidArgument, isSent: false) {
                try await $0.create("/t", mode: .persistent(timeToLive: .seconds(Int64.max)))
            },
            Case(name: "2^40 - 1 ms to live", isSent: true) {
                try await $0.create("/t", mode: .persistent(timeToLive: .milliseconds(1 << 40 - 1)))
            },
            Case(name: "a child of an ephemeral node", code: .noChildrenForEphemerals, isSent: true) {
                try await $0.create("/e", mode: .ephemeral)
                try await $0.create("/e/child")
            },
            // Transactions.
            Case(name: "a transaction of nothing", isSent: true) { try await $0.transaction([]) },
            Case(name: "a container in a transaction", code: .invalidArgument, isSent: false) {
                try await $0.transaction([Create("/c", mode: .container)])
            },
            Case(name: "a time to live in a transaction", code: .invalidArgument, isSent: false) {
                try await $0.transaction([Create("/c", mode: .persistent(timeToLive: .seconds(1)))])
            },
            Case(name: "an empty ACL in a transaction", code: .invalidACL, isSent: false) {
                try await $0.transaction([Create("/c", accessControl: AccessControl([]))])
            },
            // Credentials.
            Case(name: "a scheme without a name", code: .invalidArgument, isSent: false) {
                try await $0.authenticate(Credential(scheme: "", proof: [1]))
            },
            Case(name: "a zero byte in a credential's scheme", code: .invalidArgument, isSent: false) {
                try await $0.authenticate(Credential(scheme: "dig\u{0}est", proof: [1]))
            },
            Case(name: "a credential without a proof", isSent: true) {
                try await $0.authenticate(Credential(scheme: "digest", proof: []))
            },
            // The root.
            Case(name: "deleting the root of the chroot while it has children", code: .notEmpty, isSent: true) {
                try await $0.delete("/")
            },
            Case(name: "creating the root", code: .nodeExists, isSent: true) { try await $0.create("/") },
        ]
        try await withSession { session, relay in
            for input in cases {
                let before = relay.traffic
                if let code = input.code {
                    let error = await expectFailure(code, "\(input.name)") { try await input.attempt(session) }
                    let outcome = (error as? ZooKeeperError)?.execution
                    #expect(outcome == (input.isSent ? .refused : .notSent), "\(input.name)")
                } else {
                    await #expect(throws: Never.self, "\(input.name)") { try await input.attempt(session) }
                }
                let sent = (relay.traffic - before).requestCount
                #expect((sent > 0) == input.isSent, "\(input.name): \(sent) requests")
                #expect(session.isConnected, "\(input.name)")
            }
            #expect(relay.traffic.connections == 1, "nothing of it has cost the connection")
        }
    }

    /// A request that is too large is refused before it is sent, so it disturbs no other call.
    @Test func aWriteThatIsTooLargeHarmsNoOtherCall() async throws {
        try await withSession { session, relay in
            try await session.create("/a")
            let bytes = [UInt8](repeating: 7, count: 1_048_576)
            await withTaskGroup(of: Void.self) { group in
                for index in 0..<200 {
                    group.addTask {
                        if index % 20 == 7 {
                            await expectFailure(.requestTooLarge) { try await session.set("/a", to: bytes) }
                        } else {
                            await #expect(throws: Never.self) { try await session.set("/a", to: [1]) }
                        }
                    }
                }
            }
            #expect(relay.traffic.connections == 1)
        }
    }

    /// The limit is the server's: one byte less is accepted.
    @Test func theLimitIsExact() async throws {
        try await withSession { session, _ in
            let path: ZNodePath = "/x"
            let empty = Request("/test-0000000000/x", .setData(data: [], version: -1))
            let overhead = empty.rooted(at: .root).encodedLength
            try await session.create(path)
            try await session.set(path, to: [UInt8](repeating: 1, count: ServerRequest.maximumLength - overhead))
            #expect(session.isConnected)
            await expectFailure(.requestTooLarge) {
                try await session.set(
                    path, to: [UInt8](repeating: 1, count: ServerRequest.maximumLength - overhead + 1))
            }
        }
    }

    @Test func theChrootCannotBeLeft() async throws {
        let server = try ZooKeeperServer.required
        let directory = try await server.makeDirectory()
        var configuration = try server.configuration
        configuration.chroot = directory
        try await ZooKeeperClient.withClient(configuration) { client in
            try await client.create("/foo")
            try await client.create("/foo/bar")
            #expect(try await client.children(of: "/").names == ["foo"])
            let (first, _) = try await client.transaction(Create("/x"), Create("/x/y"))
            #expect(first.path == "/x")
            // Its name is its digits: behind the chroot's own name they would be a node beside it.
            let nameless = try await client.perform(Create(namelessIn: .root))
            #expect(nameless.path.name.count == 10)
            try await client.delete(nameless.path)
        }
        try await ZooKeeperClient.withClient(server.configuration) { client in
            let names = try await client.children(of: directory).names
            #expect(names.sorted() == ["foo", "x"])
            let all = try await client.children(of: "/").names
            #expect(!all.contains { $0.hasSuffix("foo") })
        }
    }
}
