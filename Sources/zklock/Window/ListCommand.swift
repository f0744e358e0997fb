// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ZooKeeper
import ZooKeeperRecipes

extension Window {
    /// Shows who holds a lock and who waits for it, or all locks below a path.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls", abstract: "Show who holds a lock and who waits for it.",
            discussion: """
                For the path of a lock: each participant on a line, in order. For any other path: all locks below it. \
                Reads the nodes of Curator, kazoo, go-zookeeper and swift-zookeeper; writes nothing.

                A line says whether the participant holds the lock or waits for how many others; since when it is in the \
                queue; its id; its access; its library (Curator's names are also those of swift-zookeeper and zklock); \
                its session; its fencing token; its node. Ages are by the clock of this machine.

                Below a lock are its problems: \
                mixed (kinds of lock in one directory that do not exclude each other), \
                stuck (a node that no session owns; exhausted sequence numbers; with --stuck-after, a first participant \
                that is in the queue for longer, unless it is a leader latch's).

                A path that nobody uses, or that does not exist, is free.

                --json prints one object: path, time, complete, unreadable (paths), and queues, each with path, free, \
                semaphore, kinds, lastRun, otherChildren, problems (problem: mixed, leftover, exhausted, slow or \
                obstacle; node; text) and participants, in order (node, state: holds, waits or unknown; ahead, joined, \
                age in seconds, kind, marker, library, access: exclusive or shared; id, session, leftover, fencingToken, \
                sequence, revocationRequested, readable). What is not known is null. Keys may be added.

                The exit status is one of these:

                     0  also if the lock is held, and if it does not exist
                     1  with --stuck-after: there is a problem
                    \(Window.usage)
                    \(Window.unavailable), or has more nodes below the path than are looked at
                """)

        @OptionGroup var connection: ConnectionOptions

        @Flag(help: "Print JSON.")
        var json = false

        @Option(
            help: ArgumentHelp(
                """
                End with status 1 if there is a problem, also if a first participant is in the queue for longer than \
                this: 90s, 10m, 1h30m.
                """, valueName: "span"))
        var stuckAfter: TimeSpan?

        @Argument(help: "The path of a lock, or one above locks.")
        var path = "/"

        func run() async throws {
            let path = try ConnectionOptions.path(self.path)
            try await Window.run(connection) { client in
                let survey = try await SurveyReader(client: client).survey(path)
                let now = Window.now
                let limit = stuckAfter?.duration
                if json {
                    try Window.print(["\(QueueJSON.list(survey, at: now, stuckAfter: limit))"])
                } else {
                    try Window.print(survey.lines(QueueText(now: now, stuckAfter: limit)))
                }
                if let node = survey.unreadable.first {
                    printError(
                        """
                        the children of \(node)\(survey.unreadable.count > 1 ? " and other nodes" : "") may not be listed \
                        by this client, and were left out
                        """)
                }
                guard survey.isComplete else {
                    printError(
                        """
                        more than \(SurveyReader.limit) nodes are below \(path), and not all were looked at; name a path \
                        further down
                        """)
                    return Status.unavailable
                }
                return limit != nil && survey.hasProblems(stuckAfter: limit, at: now) ? 1 : 0
            }
        }
    }
}
