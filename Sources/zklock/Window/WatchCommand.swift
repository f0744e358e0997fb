// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ZooKeeper

extension Window {
    /// Follows a lock.
    struct Watch: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "watch", abstract: "Follow a lock: one line per change.",
            discussion: """
                Begins with those that hold the lock and those that wait for it. Then each line is a change: joined, holds, \
                left; free when nobody is left; problem with what is wrong. Lines have the time at which the change was \
                seen; changes that undo each other at once may be skipped. A path that does not exist yet is free.

                It goes on over reconnects and lost sessions, until it is interrupted or the reader of its output goes \
                away. Nothing is written to ZooKeeper.

                --json prints one object per line: time, change (joined, holds, waits, left, free, problem), participant \
                (as zklock ls --json has it, or null), text (of a problem, or null).

                The exit status is one of these:

                    \(Window.usage)
                    \(Window.unavailable)
                """)

        @OptionGroup var connection: ConnectionOptions

        @Flag(help: "Print JSON.")
        var json = false

        @Argument(help: "The path of the lock.")
        var path: String

        func run() async throws {
            let path = try ConnectionOptions.path(self.path)
            try await Window.run(connection) { client in
                let reader = SurveyReader(client: client)
                // Says at once if there is no server.
                _ = try await reader.view(of: path)
                var loop = RereadLoop<QueueView>(spansSessions: true, areEqual: ==) { last throws(ZooKeeperError) in
                    try await reader.watchedView(of: path, known: last)
                }
                var last: QueueView?
                while let view = try await loop.next(isolation: #isolation) {
                    let now = Window.now
                    let changes = QueueChange.changes(from: last, to: view, now: now)
                    try Window.print(
                        changes.map { json ? "\(QueueJSON.change($0, at: now))" : $0.line(at: now) })
                    last = view
                }
                return 0
            }
        }
    }
}
