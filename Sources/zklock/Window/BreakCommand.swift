// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ZooKeeper

extension Window {
    /// Deletes the node of a participant.
    struct Break: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "break", abstract: "Delete the node of a participant of a lock.",
            discussion: """
                For a node that nobody will delete. Without --yes nothing is deleted, and it says what would be. Its owner \
                is not told: while it still works, another gets the lock. Better ask it (zklock revoke), or stop it: \
                the node goes with its session.

                The node is deleted only if it has not been written to since it was read, and only if it is a \
                participant's.

                The exit status is one of these:

                     0  it has been deleted
                     1  it is not there, is no participant's, or has been written to
                    \(Window.usage), or --yes is missing
                    \(Window.unavailable)
                """)

        @OptionGroup var connection: ConnectionOptions

        @Flag(help: "Delete it.")
        var yes = false

        @Argument(help: "The path of the lock.")
        var path: String

        @Argument(help: "The node of a participant, by its name or its full path: see zklock ls.")
        var node: String

        func run() async throws {
            let path = try ConnectionOptions.path(self.path)
            let name = try Window.child(node, of: path)
            try await Window.run(connection) { client in
                let view = try await SurveyReader(client: client).view(of: path)
                switch BreakPlan(name, of: view, at: path) {
                case .refuse(let reason):
                    printError("\(reason); nothing was deleted")
                    return 1
                case .delete(let entry, let version):
                    let text = QueueText(now: Window.now)
                    try Window.print([path.string, "  \(text.line(of: entry))", BreakPlan.effect(entry)])
                    guard yes else {
                        printError("nothing was deleted; to delete \(entry.name.name), add --yes")
                        return Status.usage
                    }
                    return try await delete(path.child(entry.name.name), version, client)
                }
            }
        }

        private func delete(_ node: ZNodePath, _ version: Int32, _ client: ZooKeeperClient) async throws -> Int32 {
            do {
                guard try await client.deleteIfExists(node, ifVersion: version) else {
                    printError("\(node) has gone by itself")
                    return 1
                }
            } catch ZooKeeperError.Code.badVersion {
                printError("\(node) has been written to meanwhile; nothing was deleted")
                return 1
            }
            try Window.print(["deleted \(node)"])
            return 0
        }
    }
}
