// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// Ordinary uses of `catch` around calls of this library compile in a user's package: one in each file of `Uses`.
///
/// If what is called throws typed, Swift 6.3 crashes on most of them, or never ends. It does so after type checking, in
/// passes over SIL, so these tests make objects.
@Suite(.timeLimit(.minutes(10))) struct CatchTests {
    @Test(arguments: ["-Onone", "-O"])
    func usesCompile(_ optimization: String) async throws {
        let uses = try await uses()
        #expect(uses.count >= 20)
        if try await compile(uses, optimization) { return }
        // One by one, to say which.
        var failures = 0
        for use in uses where try await !compile([use], optimization) {
            failures += 1
            Issue.record("\(use) does not compile with \(optimization): an error, a warning, a crash, or no end")
        }
        #expect(failures > 0, "all uses compile alone with \(optimization), and not together")
    }

    /// The uses do not touch every call, so the declarations are read too. (`output` takes apart what only the library
    /// can make.)
    @Test(arguments: ["Sources/ZooKeeper", "Recipes", "Sources/ZooKeeperTesting", "Sources/ZooKeeperHistory"])
    func nothingPublicThrowsTyped(_ directory: String) async throws {
        let files = try await Program(found: "find").output([directory, "-name", "*.swift"]).lines
        #expect(!files.isEmpty)
        for file in files {
            for text in try readFile(file).split(separator: "public ").dropFirst() {
                let declaration = text.split(separator: "\n\n").first ?? ""
                let signature = declaration.prefix { $0 != "{" && $0 != "}" }
                #expect(!signature.contains("throws(") || signature.hasPrefix("func output("), "\(file): \(signature)")
            }
        }
    }

    /// Lists the files with a use each.
    private func uses() async throws -> [String] {
        let directory = "Tests/ExampleTests/Uses"
        return try await Program(found: "ls").output([directory]).lines.map { "\(directory)/\($0)" }
    }

    /// Compiles `files` as one module, with the settings that a user's package has by itself.
    private func compile(_ files: [String], _ optimization: String) async throws -> Bool {
        try await withTemporaryFile(containing: "", suffix: ".o") { object in
            // The system ends a compiler that has used up its processor time.
            let arguments =
                [
                    "-c", "ulimit -t 60; exec swiftc \"$@\"", "sh", "-swift-version", "6", optimization,
                    "-warnings-as-errors", "-parse-as-library", "-module-name", "Uses", "-whole-module-optimization",
                    "-I", Program.modules, "-I", "Sources/CZooKeeper", "-I", Program.systemModule, "-emit-object", "-o",
                    object,
                ] + files
            return try await Program(at: "/bin/sh").run(arguments, environment: ["SWIFT_BACKTRACE": "enable=no"]) { _ in
            }.succeeded
        }
    }
}
