// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeperHistory
import ZooKeeperTesting

/// The harness of one's own, run as its user would.
@Suite(.timeLimit(.minutes(3))) struct OwnHarnessTests {
    private func run(
        _ arguments: [String], _ check: (_ lines: [String], _ status: Int32, _ directory: String) throws -> Void
    ) async throws {
        let made = try await Program(found: "mktemp").output(["-d"]).lines.first
        let directory = try #require(made)
        let result: Result<Void, any Error>
        do {
            try await ZooKeeperServer.withServer { server in
                let (lines, status) = try await Program("OwnHarness").status(
                    [server.connectString, "--output", directory] + arguments
                ) { _ in }
                try check(lines, status, directory)
            }
            result = .success(())
        } catch { result = .failure(error) }
        _ = try await Program(found: "rm").output(["-rf", directory])
        try result.get()
    }

    @Test func aGoodLockPasses() async throws {
        try await run(["--turns", "4"]) { lines, status, directory in
            #expect(status == 0, "\(lines)")
            #expect(lines.first == "12 grants, 12 with stamps, 0 violations", "\(lines)")
            let events = try HistoryReader.events(at: "\(directory)/history.jsonl")
            #expect(HistoryChecker(History(events)).check().violations.isEmpty)
            let page = try readFile("\(directory)/history.html")
            #expect(Markup.flaw(in: page) == nil)
            #expect(page.contains("<h1>OwnHarness</h1>") && page.contains("swift run OwnHarness --turns 4"))
        }
    }

    @Test func twoHoldersAtOnceAreFound() async throws {
        try await run(["--turns", "4", "--without-waiting"]) { lines, status, directory in
            #expect(status == 1, "\(lines)")
            #expect(lines.contains { $0.hasPrefix("exclusion: ") }, "\(lines)")
            let page = try readFile("\(directory)/history.html")
            #expect(page.contains("VIOLATION (exclusion)"))
        }
    }

    /// What takes and records the lock compiles outside of this package, as its user would copy it. `Uses/OwnHistory.swift`
    /// is compiled so, too.
    @Test func thePublicAPISuffices() async throws {
        let (lines, succeeded) = try await Program(found: "swiftc").output([
            "-typecheck", "-swift-version", "6", "-warnings-as-errors", "-I", Program.modules, "-I",
            "Sources/CZooKeeper", "-I", Program.systemModule,
            "Examples/OwnHarness/TestedTask.swift",
        ])
        #expect(succeeded, "\(lines)")
    }
}
