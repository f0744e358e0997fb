// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ZooKeeper

extension Window {
    /// Asks the holders of a lock to release it.
    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "revoke", abstract: "Ask the holders of a lock to release it.",
            discussion: """
                Writes Curator's request into the node of each holder, or of the participant that is named. The \
                participant decides: zklock, and those who use swift-zookeeper or Curator's makeRevocable, may release \
                the lock soon; others take no notice. The request stands in the place of the participant's id.

                Leader latches are not asked, nor participants of kazoo and go-zookeeper, which do not look.

                The exit status is one of these:

                     0  all have been asked
                     1  nobody holds the lock, or one cannot be asked
                    \(Window.usage)
                    \(Window.unavailable)
                """)

        @OptionGroup var connection: ConnectionOptions

        @Argument(help: "The path of the lock.")
        var path: String

        @Argument(help: "The node of a participant, by its name or its full path. Default: those of all holders.")
        var node: String?

        func run() async throws {
            let path = try ConnectionOptions.path(self.path)
            let name = try node.map { try Window.child($0, of: path) }
            try await Window.run(connection) { client in
                let view = try await SurveyReader(client: client).view(of: path)
                let entries: [QueueView.Entry]
                if let name {
                    guard let entry = view?[name] else {
                        printError("\(name) is no participant of \(path)")
                        return 1
                    }
                    entries = [entry]
                } else {
                    entries = view?.holders ?? []
                }
                guard !entries.isEmpty else {
                    printError("nobody holds \(path)")
                    return 1
                }
                var areAllAsked = true
                for entry in entries {
                    let who = "\(TextTable.printable(entry.idText, upTo: 64)), \(TextTable.printable(entry.name.name))"
                    if let refusal = Revocation.refusal(of: entry) {
                        printError("\(who), was not asked: \(refusal)")
                        areAllAsked = false
                    } else if try await Revocation.send(to: entry, at: path, client) {
                        try Window.print(["asked to release \(path): \(who)"])
                    } else {
                        printError("\(who), has left meanwhile")
                        areAllAsked = false
                    }
                }
                return areAllAsked ? 0 : 1
            }
        }
    }
}
