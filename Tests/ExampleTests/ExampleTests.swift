import TestSupport
import Testing
import ZooKeeperTesting

/// The examples do what their READMEs say.
@Suite(.timeLimit(.minutes(5))) struct ExampleTests {
    @Test func firstLockHoldsItAndGivesItBack() async throws {
        try await ZooKeeperServer.withServer { server in
            let (lines, succeeded) = try await Program("FirstLock").output([server.connectString])
            #expect(succeeded)
            #expect(lines.first == "waiting for /examples/first-lock")
            #expect(lines.dropFirst().first?.hasPrefix("holding it, with fencing token ") == true)
            #expect(lines.last == "gave it back")
        }
    }

    @Test func twoFirstLocksTakeTurns() async throws {
        try await ZooKeeperServer.withServer { server in
            let order = Shared<[String]>([])
            try await Program("FirstLock").run([server.connectString]) { first in
                _ = try await first.line(startingWith: "holding it")
                order.withLock { $0.append("first holds") }
                try await Program("FirstLock").run([server.connectString]) { second in
                    _ = try await second.line(startingWith: "waiting")
                    _ = try await first.line(startingWith: "gave it back")
                    order.withLock { $0.append("first gives back") }
                    _ = try await second.line(startingWith: "holding it")
                    order.withLock { $0.append("second holds") }
                }
            }
            #expect(order.value == ["first holds", "first gives back", "second holds"])
        }
    }

    @Test(arguments: [[], ["--workers", "3", "--turns", "3"]])
    func lockDemoEndsWithoutViolations(_ arguments: [String]) async throws {
        let (lines, succeeded) = try await Program("LockDemo").output(arguments)
        let text = lines.joined(separator: "\n")
        #expect(succeeded, "\(text)")
        #expect(lines.last == "0 violations")
        #expect(lines.count { $0.contains("is killed with -9") } == 1)
        #expect(lines.count { $0.contains("is frozen") } == 1)
        #expect(lines.count { $0.contains("REFUSED") } == 1, "\(text)")
        #expect(lines.contains { $0.hasPrefix("w0 │") })
    }

    @Test func lockDemoUsesAGivenServer() async throws {
        try await ZooKeeperServer.withServer { server in
            let (lines, succeeded) = try await Program("LockDemo").output(["--connect", server.connectString])
            #expect(succeeded)
            #expect(lines.contains { $0.contains(server.connectString) })
            #expect(lines.last == "0 violations")
        }
    }

    @Test func lockDemoSaysWhatIsWrong() async throws {
        let (lines, succeeded) = try await Program("LockDemo").output(["--connect", "127.0.0.1:1/no/chroot/"])
        #expect(!succeeded)
        #expect(lines.last?.contains("could not run") == true)
    }
}
