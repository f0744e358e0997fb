// SPDX-License-Identifier: Apache-2.0

// Acquires and releases the locks of this package by command: `CONNECT SESSION-TIMEOUT-IN-MS`. The protocol:
// ../README.md.

import ZooKeeper

var configuration = try ZooKeeperConfiguration(CommandLine.arguments[1])
configuration.sessionTimeout = .milliseconds(Int64(CommandLine.arguments[2]) ?? 4_000)
try await ZooKeeperClient.withClient(configuration) { client in
    try await client.sync()
    Output.say("ready")
    var contenders: [Substring: Contender] = [:]
    for await line in Input.lines {
        let words = line.split(separator: " ")
        guard words.count >= 2 else { continue }
        let contender = contenders[words[0]] ?? Contender(String(words[0]), client)
        contenders[words[0]] = contender
        contender.execute(words.dropFirst().map(String.init))
    }
    Output.leave()
}
