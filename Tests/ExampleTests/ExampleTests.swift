// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// The examples do what their READMEs say.
@Suite(.timeLimit(.minutes(5))) struct ExampleTests {
    /// The programs in the README are those that people copy. (`Scripts/follow-readme` runs the first one.)
    @Test func theProgramsInTheReadmeCompile() async throws {
        let programs = try swiftBlocks(of: "README.md").filter { $0.contains("import ZooKeeperRecipes") }
        #expect(programs.count == 2)
        for program in programs { try await expectCompiles(program) }
    }

    #if Metrics && Tracing
    /// The blocks of the article stand in functions here. (That of the trait Configuration is in its tests.)
    @Test func theCodeOfObservabilityCompiles() async throws {
        let blocks = try swiftBlocks(of: "Sources/ZooKeeper/ZooKeeper.docc/Observability.md").filter {
            !$0.contains("ConfigReader") && !$0.contains(".package")
        }
        #expect(blocks.count == 3)
        let functions = blocks.enumerated().map { index, block in
            """
            func block\(index)(
                backend: any MetricsFactory, tracer: any Tracer, month: String, client: ZooKeeperClient
            ) throws {
            \(block)
            _ = (client, configuration)
            }
            """
        }
        let imports = ["CoreMetrics", "Tracing", "ZooKeeper", "ZooKeeperRecipes"].map { "import \($0)" }
        try await expectCompiles((imports + functions).joined(separator: "\n"), warningsAreErrors: false)
    }
    #endif

    private func swiftBlocks(of page: String) throws -> [String] {
        var blocks = [[Substring]]()
        var isInside = false
        for line in try readFile(page).split(separator: "\n", omittingEmptySubsequences: false) {
            if line == "```swift" {
                blocks.append([])
                isInside = true
            } else if line == "```" {
                isInside = false
            } else if isInside {
                blocks[blocks.count - 1].append(line)
            }
        }
        return blocks.map { $0.joined(separator: "\n") }
    }

    private func expectCompiles(_ program: String, warningsAreErrors: Bool = true) async throws {
        try await withTemporaryFile(containing: program, suffix: ".swift") { file in
            let (_, succeeded) = try await Program(found: "swiftc").output(
                [
                    "-typecheck", "-parse-as-library", "-swift-version", "6", "-I", Program.modules, "-I",
                    "Sources/CZooKeeper", file,
                ] + (warningsAreErrors ? ["-warnings-as-errors"] : []))
            #expect(succeeded, "\(program)")
        }
    }

    @Test func firstLockHoldsAndReleases() async throws {
        try await ZooKeeperServer.withServer { server in
            let (lines, succeeded) = try await Program("FirstLock").output([server.connectString])
            #expect(succeeded)
            #expect(lines.first == "waiting for /examples/first-lock")
            #expect(lines.dropFirst().first?.hasPrefix("holding it, with fencing token ") == true)
            #expect(lines.last == "released it")
        }
    }

    @Test func twoFirstLocksAreServedInTurn() async throws {
        try await ZooKeeperServer.withServer { server in
            try await server.withClient(in: .root) { client in
                @Sendable func names() async throws -> Set<String> {
                    guard try await client.exists("/examples/first-lock") != nil else { return [] }
                    return Set(try await client.children(of: "/examples/first-lock").names)
                }
                let (_, firstSucceeded) = try await Program("FirstLock").run([server.connectString]) { _ in
                    try await eventually("the first is enqueued") { try await names().count == 1 }
                    let first = try await names()
                    let (_, secondSucceeded) = try await Program("FirstLock").run([server.connectString]) { _ in
                        try await eventually("both are enqueued") { try await names().count == 2 }
                        try await eventually("only the second is left") {
                            let names = try await names()
                            return names.count == 1 && names.isDisjoint(with: first)
                        }
                    }
                    #expect(secondSucceeded)
                }
                #expect(firstSucceeded)
                let rest = try await names()
                #expect(rest.isEmpty)
            }
        }
    }

    @Test func firstLockSaysWhenThereIsNoServer() async throws {
        let (lines, succeeded) = try await Program("FirstLock").output(["127.0.0.1:1"])
        #expect(!succeeded)
        #expect(lines == ["waiting for /examples/first-lock"])
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

    @Test func lockDemoListsItsOptions() async throws {
        let (lines, succeeded) = try await Program("LockDemo").output(["--help"])
        let text = lines.joined(separator: "\n")
        #expect(succeeded)
        for option in ["--connect", "--workers", "--turns"] { #expect(text.contains(option), "\(text)") }
        #expect(!text.contains("SUBCOMMANDS"), "\(text)")
    }

    @Test func lockDemoSaysWhatIsWrong() async throws {
        let (lines, succeeded) = try await Program("LockDemo").output(["--connect", "127.0.0.1:1/no/chroot/"])
        #expect(!succeeded)
        #expect(lines.last?.contains("could not run") == true)
    }
}
