// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import SystemPackage
import ZooKeeper
import ZooKeeperHistory

/// Lets three tasks take a lock of their own make, records what they do, checks that, and draws a page of it.
///
///     swift run OwnHarness 127.0.0.1:2181
@main struct OwnHarness: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lets three tasks take a lock of their own make, and checks what they did.",
        discussion: "Writes history.jsonl and history.html. Exit status: 0 without violations, 1 with.")

    @Argument(help: "The servers, as host:port,host:port/chroot.")
    var servers = "127.0.0.1:2181"

    @Option(help: "The number of times that each task takes the lock, 1 to 1000.")
    var turns = 5

    @Option(help: "The directory to write to, which exists.")
    var output = "."

    @Flag(help: "Lets the tasks enter without waiting: the checker finds it.")
    var withoutWaiting = false

    func validate() throws {
        guard (1...1_000).contains(turns) else { throw ValidationError("--turns must be 1 to 1000") }
    }

    func run() async throws {
        let file = FilePath(output).appending("history.jsonl").string
        try await record(in: HistoryRecorder(replacing: file))

        let history = History(try HistoryReader.events(at: file))
        let report = HistoryChecker(history).check()
        let page = FilePath(output).appending("history.html")
        try FileDescriptor.open(
            page, .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite, .groupRead, .otherRead]
        ).closeAfterWriting(HistoryTimeline(history, report).page)

        for violation in report.violations { print("\(violation.kind.rawValue): \(violation.text)") }
        print("\(report.grants) grants, \(report.stampedHolds) with stamps, \(report.violations.count) violations")
        print("page: \(page)")
        if !report.violations.isEmpty { throw ExitCode.failure }
    }

    /// Lets three tasks take the lock, each with a session of its own.
    private func record(in recorder: HistoryRecorder) async throws {
        let configuration = try ZooKeeperConfiguration(servers)
        try recorder.record(HistoryEvent.run, .began(detail: "three tasks, a lock of their own make"))
        try recorder.record(HistoryEvent.run, .noted(name: "program", value: "OwnHarness"))
        try recorder.record(
            HistoryEvent.run,
            .noted(
                name: "command",
                value: "swift run OwnHarness --turns \(turns)" + (withoutWaiting ? " --without-waiting" : "")))
        try await ZooKeeperClient.withClient(configuration) { client in
            // The node that holders stamp, and the one whose children are the queue.
            for path: ZNodePath in ["/own-harness", "/own-harness/stamps", "/own-harness/queue"] {
                try await client.createIfMissing(path)
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for name in ["c0", "c1", "c2"] {
                tasks.addTask {
                    try await ZooKeeperClient.withClient(configuration) { client in
                        let task = TestedTask(
                            name: name, client: client, recorder: recorder, waits: !withoutWaiting)
                        try await task.run(turns: turns)
                    }
                }
            }
            try await tasks.waitForAll()
        }
        try recorder.record(HistoryEvent.run, .ended(detail: ""))
    }
}

extension FileDescriptor {
    fileprivate func closeAfterWriting(_ text: String) throws { try closeAfter { _ = try writeAll(text.utf8) } }
}
