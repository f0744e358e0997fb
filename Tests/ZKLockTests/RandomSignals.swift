// SPDX-License-Identifier: Apache-2.0

import ProcessSignals
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Two loops that run commands under one lock, while signals come to their zklocks at random moments.
struct RandomSignals {
    private static let signals = [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGCONT, SIGKILL]
    private static let count = 20

    let seed: UInt64
    let connect: String

    /// Runs until all signals are sent and all commands have ended, and records an issue if two commands ran at once, or
    /// something of one is left.
    func run() async throws {
        try await withTemporaryFile(containing: "") { log in
            // Each command says when it begins, and then again and again that it runs, also when it is told to end.
            let body = """
                stamp() { read up rest </proc/uptime; echo $$ $up >>\(log); }
                trap 'for i in 1 2 3; do stamp; sleep 0.02; done; exit 0' TERM INT HUP QUIT; trap stamp USR1
                (while :; do sleep 0.5; done) & stamp; n=0; while [ $n -lt 40 ]; do stamp; sleep 0.01; n=$((n+1)); done
                """
            try await withTemporaryFile(containing: "go") { go in
                // Not in the background, where a shell lets its commands ignore SIGINT and SIGQUIT.
                let script = #"while [ -s "$GO" ]; do "$0" "$@" >/dev/null 2>&1; done"#
                let line = [
                    "--connect", connect, "-q", "--grace", "0.5", "--session-timeout", "2", "/lock", "bash", "-c", body,
                ]
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<2 {
                        group.addTask { try await Command.run(line, environment: ["GO": go], shell: script) }
                    }
                    var random = SplitMix64(seed: seed)
                    for _ in 0..<Self.count {
                        // Some time of a run, of a hand-off or of an end.
                        try await Task.sleep(for: .milliseconds(Int64.random(in: 0...150, using: &random)))
                        let running = supervised()
                        guard let pid = running.randomElement(using: &random) else { continue }
                        ProcessSignal.send(Self.signals.randomElement(using: &random) ?? SIGTERM, to: pid)
                    }
                    try overwrite(go, "")
                    try await group.waitForAll()
                }
            }
            try await eventually("nothing of the commands is left") {
                try commands(log).allSatisfy { pid in
                    ProcessStatus.all.allSatisfy { $0.key != pid && $0.value.group != pid }
                }
            }
            try checkOverlap(log)
        }
    }

    /// The zklocks that are the children of the shells.
    private func supervised() -> [Int32] {
        let all = ProcessStatus.all
        let own = all.descendants(of: getpid())
        return own.keys.filter { pid in
            guard let command = try? readFile("/proc/\(pid)/cmdline"),
                command.contains("zklock\0--connect\0\(connect)\0")
            else { return false }
            // Not the supervisor, whose parent is a zklock.
            let parent = (try? readFile("/proc/\(own[pid]?.parent ?? 0)/cmdline")) ?? ""
            return parent.hasPrefix("sh\0")
        }.sorted()
    }

    private func commands(_ log: String) throws -> Set<Int32> {
        Set(try readFile(log).split(separator: "\n").compactMap { Int32($0.split(separator: " ")[0]) })
    }

    /// Stamps are appended in the order of time: those of one command must not lie between those of another.
    private func checkOverlap(_ log: String) throws {
        var last: Substring?
        var ended: Set<Substring> = []
        for line in try readFile(log).split(separator: "\n") {
            let pid = line.split(separator: " ")[0]
            if pid == last { continue }
            if let last { ended.insert(last) }
            #expect(!ended.contains(pid), "seed \(seed): \(pid) runs after another has begun, at \(line)")
            last = pid
        }
        #expect(ended.count > 1, "seed \(seed): hardly anything ran")
    }
}
