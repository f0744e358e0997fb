// SPDX-License-Identifier: Apache-2.0

import ProcessSignals
import TestSupport
import Testing
import ZooKeeperTesting

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// `Scripts/side-by-side`, as its user runs it. `.build-peers/Curator/run` is there where Curator is.
@Suite(
    .enabled(
        if: (try? readFile(".build-peers/Curator/run")) != nil,
        "Curator is not here: run Scripts/build-peers, as Scripts/test does"),
    .timeLimit(.minutes(5)))
struct SideBySideTests {
    private static let script = Program(at: "Scripts/side-by-side")
    private static let program = ["--program", Program.path(of: "SideBySide")]

    @Test(arguments: ["swift", "curator"]) func theOtherIsGrantedWhenOneIsKilled(_ victim: String) async throws {
        let other = victim == "swift" ? "curator" : "swift"
        let (lines, succeeded) = try await Self.script.output(Self.program + ["--seconds", "5", "--kill", victim])
        let text = lines.joined(separator: "\n")
        #expect(succeeded, "\(text)")
        #expect(lines.last?.hasSuffix(": no overlaps") == true, "\(text)")
        let events = lines.map(Event.init)
        let kill = try #require(events.firstIndex { $0.who == victim && $0.what.hasPrefix("is killed with -9") })
        #expect(events[..<kill].contains { $0.who == victim && $0.what.hasPrefix("granted, node _c_") })
        let later = events[kill...]
        #expect(later.contains { $0.who == victim && $0.what.hasPrefix("is started again") })
        #expect(later.contains { $0.who == victim && $0.what.hasPrefix("granted, node _c_") })
        #expect(later.contains { $0.who == other && $0.what.hasPrefix("granted, node _c_") })
        for name in [victim, other] {
            for what in ["waiting", "working, write ", "releasing"] {
                #expect(events.contains { $0.who == name && $0.what.hasPrefix(what) }, "\(name) \(what)")
            }
        }
        // Only ours has a token.
        #expect(
            events.allSatisfy { !$0.what.hasPrefix("granted") || $0.what.contains(" token ") == ($0.who == "swift") })
    }

    @Test func aFrozenHolderDoesNotHoldTheOtherUp() async throws {
        let (lines, succeeded) = try await Self.script.output(Self.program + ["--seconds", "5", "--freeze", "swift"])
        let text = lines.joined(separator: "\n")
        #expect(succeeded, "\(text)")
        let events = lines.map(Event.init)
        let freeze = try #require(events.firstIndex { $0.who == "swift" && $0.what.hasPrefix("is frozen for") })
        let thaw = try #require(events.firstIndex { $0.who == "swift" && $0.what == "continues" })
        #expect(events[freeze..<thaw].contains { $0.who == "curator" && $0.what.hasPrefix("granted") }, "\(text)")
        #expect(events[thaw...].contains { $0.who == "swift" && $0.what.hasPrefix("granted") }, "\(text)")
    }

    /// By Ctrl-C in its terminal, or by -9: the server and both programs end with it.
    @Test(arguments: [SIGINT, SIGKILL]) func nothingOutlivesIt(_ signal: Int32) async throws {
        let children = Shared<[Int32]>([])
        let (lines, status) = try await Self.script.status(Self.program + ["--seconds", "600"]) { running in
            for name in ["swift", "curator"] {
                try await eventually("\(name) is granted the lock") {
                    running.lines.value.contains {
                        let event = Event($0)
                        return event.who == name && event.what.hasPrefix("granted")
                    }
                }
            }
            children.withLock { $0 = Self.children(of: running.pid) }
            ProcessSignal.send(signal, to: running.pid)
        }
        #expect(status == (signal == SIGINT ? 0 : -signal))
        #expect((lines.last?.hasSuffix(": no overlaps") == true) == (signal == SIGINT))
        #expect(children.value.count == 4, "the server, the shell that removes its data, and the two programs")
        for child in children.value {
            try await eventually("process \(child) has ended") {
                // Also if its new parent has not asked for its status yet.
                (try? readFile("/proc/\(child)/stat"))?.contains(") Z ") ?? true
            }
        }
    }

    /// A program that claims a hold around all of the other's.
    @Test func findsAnOverlap() async throws {
        let program = """
            #!/bin/sh
            printf 'swift waiting\\nswift granted, node n, token t, write 0\\nswift working, write 1000000\\n'
            exec sleep 600
            """
        try await withTemporaryFile(containing: program) { file in
            _ = try await Program(found: "chmod").output(["+x", file])
            let (lines, status) = try await Self.script.status(["--program", file, "--seconds", "1"]) { _ in }
            #expect(status == 1)
            #expect(lines.last?.hasSuffix(": 1 overlap") == true, "\(lines)")
            #expect(lines.contains { $0.hasPrefix("a hold of swift (writes 0 to 1000000) and one of curator") })
        }
    }

    @Test(arguments: ["/nowhere/SideBySide", "/bin/true"]) func saysWhatIsWrong(_ program: String) async throws {
        let (lines, status) = try await Self.script.status(["--program", program]) { _ in }
        #expect(status == 2, "\(lines)")
    }

    /// A line of the log: the time, who, and what.
    private struct Event {
        var who = ""
        var what = ""

        init(_ line: String) {
            let words = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: true)
            guard words.count == 4, words[1] == "s" else { return }
            who = String(words[2])
            what = String(words[3].drop { $0 == " " })
        }
    }

    private static func children(of pid: Int32) -> [Int32] {
        let text = (try? readFile("/proc/\(pid)/task/\(pid)/children")) ?? ""
        return text.split(separator: " ").compactMap { Int32($0) }
    }
}

@Suite struct SideBySideSourceTests {
    /// The page about sharing locks shows the programs as they are.
    @Test(arguments: ["SideBySide.swift", "CuratorSide.java"]) func thePageShows(_ file: String) throws {
        let page = try readFile("Recipes/ZooKeeperRecipes.docc/SharingLocks.md")
        let source = try readFile("Examples/SideBySide/\(file)")
        // All below the line of the licence.
        let program = source.split(separator: "\n", maxSplits: 1)[1]
        #expect(program.contains("waiting"))
        #expect(page.contains("\(program)```"))
    }
}
