// SPDX-License-Identifier: Apache-2.0

import ProcessSignals
import TestSupport
import Testing
import ZooKeeperHistory
import ZooKeeperTesting

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The program, run as its user would.
@Suite(.serialized, .timeLimit(.minutes(5))) struct RecipeHarnessTests {
    private let program = Program("recipe-harness")

    private func withDirectory(_ body: (String) async throws -> Void) async throws {
        let name = try await Program(found: "mktemp").output(["-d"]).lines.first
        let directory = try #require(name)
        let result: Result<Void, any Error>
        do { result = .success(try await body(directory)) } catch { result = .failure(error) }
        _ = try await Program(found: "rm").output(["-rf", directory])
        try result.get()
    }

    private func history(_ directory: String) throws -> [HistoryEvent] {
        try readFile("\(directory)/history.jsonl").split(separator: "\n").map { line in
            try #require(HistoryEvent(line: String(line)))
        }
    }

    @Test func aShortRunWithEverythingHasNoViolation() async throws {
        try await withDirectory { directory in
            let (lines, status) = try await program.status([
                "--duration", "15", "--seed", "1", "--clients", "4", "--output", directory,
            ]) { _ in }
            let text = lines.joined(separator: "\n")
            #expect(status == 0, "\(text)")
            #expect(lines.contains { $0 == "0 violations; seed 1" }, "\(text)")
            let history = History(try history(directory))
            #expect(history.holds.count >= 5, "\(text)")
            #expect(history.faults.count >= 2, "\(text)")
            let page = try readFile("\(directory)/timeline.html")
            #expect(Markup.flaw(in: page) == nil)
            for name in ["holder", "c0", "c1", "c2", "c3", "s0", "s1", "s2"] {
                #expect(page.contains("<span>\(name)</span>"), "a lane for \(name)")
            }
            // What is needed to repeat the run.
            let command =
                "swift run recipe-harness --workload lock --nemesis all --duration 15 --clients 4 --tasks 2 --seed 1"
            #expect(page.contains("<dd><code>\(command)</code></dd>"))
            for word in ["<dt>date</dt>", "<dt>duration</dt>", "ZooKeeper server 3.", "C client 3.", "Swift 6."] {
                #expect(page.contains(word), "\(word)")
            }
            let picture = try readFile("\(directory)/timeline.svg")
            #expect(Markup.flaw(in: picture) == nil)
            let verdict = try Verdict(in: directory)
            #expect(
                verdict.arguments == [
                    "--workload", "lock", "--nemesis", "all", "--duration", "15", "--clients", "4", "--tasks", "2",
                    "--seed", "1",
                ])
            #expect(verdict.ours.processes == 4)
            #expect(verdict.ours.grants == history.holds.count)
            #expect(verdict.ours.violations.isEmpty)
            #expect(verdict.ours.outcomes.values.reduce(0, +) == history.operations.count)
            #expect(verdict.theirs == nil)
            #expect(verdict.leftInQueue == 0)
            #expect(verdict.faults.values.reduce(0, +) == history.faults.count)
            #expect(verdict.recoveries.count == history.faults.count)
            // Each hold has created and deleted a node of its own. The store, which the bodies write to, is not counted.
            #expect((verdict.ours.requests["create2"] ?? 0) >= history.holds.count, "\(verdict.ours.requests)")
            #expect(verdict.ours.requests["setData"] == nil, "\(verdict.ours.requests)")
        }
    }

    /// A client that ends in good order waits for the bodies that go on, and a server that refuses something, or gets
    /// another address, loses nothing.
    @Test(arguments: [HistoryEvent.Fault.stopClient, .closeClient, .throttleServer, .moveServers])
    func aGracefulEndGivesNoLockAway(_ fault: HistoryEvent.Fault) async throws {
        try await withDirectory { directory in
            let (lines, status) = try await program.status([
                "--nemesis", fault.rawValue, "--clients", "3", "--duration", "12", "--seed", "1", "--output", directory,
            ]) { _ in }
            let text = lines.joined(separator: "\n")
            #expect(status == 0, "\(text)")
            let history = History(try history(directory))
            #expect(Set(history.faults.map(\.fault)) == [fault], "\(text)")
            #expect(history.holds.count >= 5, "\(text)")
            let lives = Dictionary(grouping: history.lives, by: \.process)
            switch fault {
            case .stopClient:
                #expect(lives.values.contains { $0.count > 1 }, "one was started again: \(text)")
                #expect(history.lives.allSatisfy { $0.end.isEmpty }, "in good order: \(history.lives)")
            case .closeClient:
                #expect(lives.values.allSatisfy { $0.count == 1 }, "the processes go on: \(text)")
                // The second client of a process, by the names of what it does.
                #expect(history.operations.contains { $0.name.contains(".1-2/") }, "\(text)")
            case .moveServers:
                #expect(
                    history.operations.allSatisfy { $0.outcome?.contains("lost") != true }, "no lock is lost: \(text)")
                #expect(lives.values.allSatisfy { $0.count == 1 })
            default:
                // That the servers refuse is the fault; the recipes try again.
                #expect(history.operations.allSatisfy { $0.outcome?.contains("throttled") != true }, "\(text)")
            }
        }
    }

    @Test(arguments: [("read-write", "curator"), ("election", "kazoo"), ("lock", "go-zookeeper")])
    func anotherLibrarySharesTheQueue(_ workload: String, _ guest: String) async throws {
        // Why it may not be there: see Scripts/build-peers.
        let directories = ["curator": "Curator", "kazoo": "Kazoo", "go-zookeeper": "Go"]
        if (try? readFile(".build-peers/\(directories[guest] ?? "")/disabled")) != nil { return }
        try await withDirectory { directory in
            // Without faults, for with them a guest may have to be started again before it was granted anything.
            let (lines, status) = try await program.status([
                "--workload", workload, "--with", guest, "--guests", "1", "--clients", "2", "--nemesis", "none",
                "--duration", "12", "--seed", "1", "--output", directory,
            ]) { _ in }
            let text = lines.joined(separator: "\n")
            #expect(status == 0, "\(text)")
            let history = History(try history(directory))
            #expect(history.externalClients == ["\(guest)0"])
            for process in ["c0", "c1", "\(guest)0"] {
                #expect(history.holds.contains { $0.process == process && $0.stamps != nil }, "\(process): \(text)")
            }
            #expect(HistoryChecker(history).check().externalViolations.isEmpty, "\(text)")
            let verdict = try Verdict(in: directory)
            let theirs = try #require(verdict.theirs)
            #expect(verdict.library == guest)
            #expect(theirs.processes == 1)
            #expect(theirs.grants == history.holds.count { $0.process == "\(guest)0" })
            #expect(verdict.ours.grants == history.holds.count - theirs.grants)
            // To join the queue and to leave it.
            #expect(theirs.requests.values.reduce(0, +) >= 2 * theirs.grants, "\(theirs.requests)")
        }
    }

    @Test func noMoreTurnsThanAsked() async throws {
        try await withDirectory { directory in
            let (lines, status) = try await program.status([
                "--rate", "4", "--clients", "2", "--tasks", "1", "--nemesis", "none", "--duration", "6", "--seed", "1",
                "--output", directory,
            ]) { _ in }
            #expect(status == 0, "\(lines)")
            let operations = Dictionary(grouping: History(try history(directory)).operations, by: \.process)
            #expect(operations.keys.sorted() == ["c0", "c1"])
            for (process, operations) in operations {
                #expect(operations.count > 1, "\(process)")
                // Each of the two has half of it: two turns a second on average, and never sooner than after half of
                // that.
                for (former, latter) in zip(operations, operations.dropFirst()) {
                    #expect(latter.invoked - former.invoked >= 250_000, "\(former.name), \(latter.name)")
                }
            }
        }
    }

    @Test func aGuestThatIsNotThereIsSaid() async throws {
        // It is looked for from where the program is started.
        let (_, status) = try await Program(found: "sh").status(
            ["-c", "cd / && exec \"$0\" --with curator --output /tmp", Program.path(of: "recipe-harness")]
        ) { _ in }
        #expect(status == 2)
    }

    @Test func anInterruptedRunIsCheckedAndDrawn() async throws {
        try await withDirectory { directory in
            let arguments = ["--duration", "600", "--clients", "2", "--nemesis", "none", "--output", directory]
            let (lines, status) = try await program.status(arguments) { running in
                try await eventually("it holds") {
                    let text = (try? readFile("\(directory)/history.jsonl")) ?? ""
                    return text.contains("\"granted\"")
                }
                ProcessSignal.send(SIGINT, to: running.pid)
            }
            #expect(status == 130, "\(lines)")
            let events = try history(directory)
            #expect(!History(events).holds.isEmpty)
            #expect(Markup.flaw(in: try readFile("\(directory)/timeline.html")) == nil)
            #expect(try Verdict(in: directory).wasInterrupted)
            for event in events {
                guard case .began(let detail) = event.kind, detail.hasPrefix("process "),
                    let pid = Int32(detail.dropFirst(8))
                else { continue }
                #expect(kill(pid, 0) != 0, "\(detail) is gone")
            }
        }
    }

    @Test(arguments: [
        ["--workload", "dancing"], ["--nemesis", "rain"], ["--nemesis", "stop"], ["--nemesis", "close-server"],
        ["--nemesis", "throttle-client"], ["--duration", "0"], ["--clients", "0"], ["--tasks", "99"], ["--rate", "0"],
        ["--with", "etcd"], ["--with", "kazoo", "--guests", "0"], ["--workload", "election", "--with", "go-zookeeper"],
        ["--workload", "read-write", "--with", "go-zookeeper"],
    ])
    func wrongOptionsAreRefused(_ arguments: [String]) async throws {
        let (_, status) = try await program.status(arguments) { _ in }
        #expect(status == 64)
    }

    @Test func aMissingServerIsSaid() async throws {
        try await withDirectory { directory in
            let (lines, status) = try await program.status(
                ["--output", directory], environment: ["ZOOKEEPER_HOME": "/nowhere"]
            ) { _ in }
            #expect(status == 2)
            #expect(!lines.contains { $0.contains("violations") })
        }
    }

    @Test func aDirectoryThatCannotBeMadeIsSaid() async throws {
        let (_, status) = try await program.status(["--output", "/dev/null/x"]) { _ in }
        #expect(status == 2)
    }
}
