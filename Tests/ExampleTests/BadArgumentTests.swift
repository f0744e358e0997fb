// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// Arguments of the examples that make no sense.
@Suite(.timeLimit(.minutes(1))) struct BadArgumentTests {
    @Test(arguments: [
        ["LeaderElectedWorker", "--connect", "localhost:port"],
        ["LeaderElectedWorker", "--election", "no-slash"],
        ["LeaderElectedWorker", "--session-timeout", "0"],
        ["ReadWriteCache", "read", "--connect", ""],
        ["ReadWriteCache", "refresh", "--path", "/a//b"],
        ["ReadWriteCache", "refresh", "--editions", "0"],
        ["FencedWriter", "--connect", "localhost:0"],
        ["FencedWriter", "--lock", "/ends/with/"],
        ["FencedWriter", "--lines", "1"],
        ["ServiceRegistry", "--service", ""],
        ["ServiceRegistry", "--name", "has/slash"],
        ["ServiceRegistry", "--session-timeout=-1"],
    ])
    func theyEndWithTheStatusOfAWrongUsage(_ command: [String]) async throws {
        let (lines, status) = try await Program(guarded: command[0]).status(Array(command.dropFirst())) { _ in }
        #expect(status == 64)
        #expect(lines == [])
    }
}
