// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// `Scripts/record`, with the harness and with programs in its place.
@Suite(.serialized, .timeLimit(.minutes(5))) struct RecordTests {
    /// Runs the script with a program in the place of the harness.
    ///
    /// - Returns: Its exit status and its page.
    private func record(_ harness: String, _ options: [String], _ directory: String) async throws -> (Int32, String) {
        let (lines, status) = try await Program(at: "Scripts/record").status(
            ["--harness", harness, "--output", directory] + options
        ) { _ in }
        let page = try readFile("\(directory)/record.html")
        #expect(Markup.flaw(in: page) == nil, "\(lines)")
        return (status, page)
    }

    private func withDirectory(_ body: (String) async throws -> Void) async throws {
        let name = try await Program(found: "mktemp").output(["-d"]).lines.first
        let directory = try #require(name)
        let result: Result<Void, any Error>
        do { result = .success(try await body(directory)) } catch { result = .failure(error) }
        _ = try await Program(found: "rm").output(["-rf", directory])
        try result.get()
    }

    /// Writes a program that writes a verdict as the harness does, and ends with a status.
    private func fake(_ directory: String, violations: String, status: Int) async throws -> String {
        let verdict = """
            {"acceptedWrites": 1, "faults": {"delay": 3}, "leftInQueue": 0, "overlaps": {}, "refusedWrites": 0, "tasks": 2,
             "ours": {"grants": 7, "messages": ["two <held> it"], "outcomes": {"done": 7}, "processes": 5,
                      "requests": {"create2": 7, "delete": 7}, "violations": \(violations)},
             "recoveries": {"count": 3, "open": 0, "worst": 1200000, "worstFault": "delay", "worstProcess": "s2"}}
            """
        // The last option is the directory to write to.
        let program = """
            #!/bin/sh
            for directory; do :; done
            cat >"$directory/verdict.json" <<'END'
            \(verdict)
            END
            exit \(status)
            """
        return try await write(program, directory)
    }

    /// Writes a program.
    ///
    /// - Returns: Its path.
    private func write(_ program: String, _ directory: String) async throws -> String {
        let path = "\(directory)/fake"
        _ = try await Program(found: "install").output(["-m", "755", "/dev/null", path])
        try overwrite(path, program)
        return path
    }

    @Test func aShortRunIsOnThePage() async throws {
        try await withDirectory { directory in
            let options = ["--runs", "lock", "--seconds", "5", "--note", "A short one."]
            let (status, page) = try await record(Program.path(of: "recipe-harness"), options, directory)
            #expect(status == 0, "\(page)")
            let command = "swift run recipe-harness --workload lock --nemesis all --duration 5 --seed 1"
            #expect(page.contains(command))
            #expect(page.contains("No guarantee of ours was violated in 1 run of 5 s"), "\(page)")
            #expect(page.contains(#"<a href="lock/timeline.html">"#))
            #expect(page.contains("<dt>ZooKeeper server</dt><dd>3."), "\(page)")
            #expect(page.contains("A short one."))
            let text = try readFile("\(directory)/record.md")
            #expect(text.contains("\n| lock | 0 | 0 | 0 | 0 | "), "\(text)")
            #expect(text.contains(" | [picture](lock/timeline.svg) |\n"), "\(text)")
            #expect(text.contains("\n\(command)\n"), "\(text)")
        }
    }

    @Test func aViolationIsTheStatusAndOnThePage() async throws {
        try await withDirectory { directory in
            let program = try await fake(directory, violations: #"{"exclusion": 2}"#, status: 1)
            let (status, page) = try await record(program, ["--runs", "lock,election"], directory)
            #expect(status == 1)
            #expect(page.contains("Guarantees of ours were violated 4 times"), "\(page)")
            #expect(page.contains(#"<td data-label="Double holders" class="wrong">2</td>"#), "\(page)")
            #expect(page.contains("two &lt;held&gt; it"), "\(page)")
            // The seeds are those of their places among all runs.
            #expect(page.contains("--workload lock --nemesis all --duration 60 --seed 1<"), "\(page)")
            #expect(page.contains("--workload election --nemesis all --duration 60 --seed 3<"), "\(page)")
        }
    }

    @Test func whatIsCountedIsOnThePage() async throws {
        try await withDirectory { directory in
            let program = try await fake(directory, violations: "{}", status: 0)
            let (status, page) = try await record(program, ["--runs", "read-write"], directory)
            #expect(status == 0)
            #expect(page.contains("in 1 run of 60 s with 3 faults, in which our processes held 7 times"), "\(page)")
            #expect(page.contains(#"<td data-label="Worst recovery">1.2 s after delay of s2</td>"#), "\(page)")
            #expect(page.contains(#"<td data-label="Holds">7</td>"#), "\(page)")
            #expect(page.contains(#"<td data-label="Requests per operation">2.0</td>"#), "\(page)")
        }
    }

    @Test func aRunThatCouldNotRunIsOnThePage() async throws {
        try await withDirectory { directory in
            let program = try await write("#!/bin/sh\necho 'no server <here>'\nexit 2\n", directory)
            let (status, page) = try await record(program, ["--runs", "lock,read-write"], directory)
            #expect(status == 2)
            #expect(page.contains("2 of the 2 runs could not run"), "\(page)")
            #expect(page.contains("<td>read-write</td>"), "\(page)")
            #expect(page.contains("did not run: no server &lt;here&gt;"), "\(page)")
            let text = try readFile("\(directory)/record.md")
            #expect(text.contains("\n| read-write | did not run: no server <here> |"), "\(text)")
        }
    }

    @Test(arguments: [["--runs", "dancing"], ["--seconds", "0"], ["--seed", "-1"], ["--nemesis", "all"]])
    func wrongOptionsAreRefused(_ options: [String]) async throws {
        let (_, status) = try await Program(at: "Scripts/record").status(options) { _ in }
        #expect(status == 2)
    }
}
