// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// The same steps in memory and on a real server: every client must see the same results.
///
/// `ZOOKEEPER_MODEL_SEEDS=1000` tries so many random seeds instead of the fixed ones, `ZOOKEEPER_MODEL_SEED=7` this
/// one.
@Suite(.timeLimit(.minutes(60))) struct DifferentialTests {
    private static let stepCount = 400

    private static var seeds: [UInt64] {
        if let seed = environmentValue("ZOOKEEPER_MODEL_SEED").flatMap(UInt64.init) { return [seed] }
        if let count = environmentValue("ZOOKEEPER_MODEL_SEEDS").flatMap(Int.init) {
            return (0..<count).map { _ in .random(in: 0...999_999_999) }
        }
        return Array(1...4)
    }

    @Test func theModelDoesWhatAServerDoes() async throws {
        try await ComparedRealServer.with(slots: StepRunner.slots) { server in
            let memory = try await ComparedInMemoryServer(like: server.server)
            var seen = Set<Substring>()
            for seed in Self.seeds {
                guard let words = try await compare(seed, memory, server) else { return }
                seen.formUnion(words)
            }
            // Or the steps would prove little.
            let missing = Self.expectedWords.subtracting(seen)
            #expect(missing.isEmpty, "never seen")
        }
    }

    /// The words that must occur in the results at least once.
    private static let expectedWords: Set<Substring> = [
        "done", "created", "ended", "noNode", "noAuth", "badVersion", "nodeExists", "notEmpty", "invalidACL",
        "noChildrenForEphemerals", "invalidArgument", "operation", "sees", "deleted", "dataChanged", "childrenChanged",
    ]

    /// - Returns: The words in the results; `nil` if there is a difference.
    private func compare(
        _ seed: UInt64, _ memory: ComparedInMemoryServer, _ server: ComparedRealServer
    ) async throws -> Set<Substring>? {
        let directory = "/seed-\(seed)"
        var steps = RandomSteps(seed: seed, directory: directory, memory.zooKeeper)
        let expected = try await StepRunner(memory, directory: directory)
        let actual = try await StepRunner(server, directory: directory)
        var trace: [String] = []
        var words: Set<Substring>? = []
        for number in 1...Self.stepCount where words != nil {
            let step = steps.next(open: (0..<StepRunner.slots).filter(expected.has))
            let inMemory = try await expected.perform(step)
            let onServer = try await actual.perform(step)
            trace.append("\(number) \(step)\n    \(onServer.joined(separator: "\n    "))")
            for line in onServer { words?.formUnion(line.split { $0 == " " || $0 == "," }) }
            if inMemory != onServer {
                words = nil
                Issue.record(
                    """
                    seed \(seed): the model differs in step \(number)
                    the model:
                        \(inMemory.joined(separator: "\n    "))
                    the server, with the steps before:
                    \(trace.suffix(12).joined(separator: "\n"))
                    """)
            }
        }
        await expected.end()
        await actual.end()
        return words
    }
}
