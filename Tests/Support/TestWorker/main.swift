// SPDX-License-Identifier: Apache-2.0

// A process of its own, for tests that need several.

switch CommandLine.arguments.dropFirst().first {
case "exclusion": try await Exclusion.run(Array(CommandLine.arguments.dropFirst(2)))
case "blocked-pool": try await BlockedPool.run(Array(CommandLine.arguments.dropFirst(2)))
case "names": try await Names.run(Array(CommandLine.arguments.dropFirst(2)))
case "server": try await OwnServer.run(isFrozen: CommandLine.arguments.contains("frozen"))
default: fatalError("usage: TestWorker exclusion | blocked-pool | names | server")
}
