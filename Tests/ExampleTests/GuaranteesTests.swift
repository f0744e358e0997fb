// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// The documentation of the guarantees names tests and planted bugs that there are.
@Suite(.timeLimit(.minutes(1))) struct GuaranteesTests {
    private static let catalogue = "Recipes/ZooKeeperRecipes.docc"

    @Test func theTestsAreThere() throws {
        let rows = try Self.rows(of: "Guarantees").filter { $0.count == 2 && $0[1].hasPrefix("`Tests/") }
        #expect(rows.count > 30)
        for row in rows {
            let file = try #require(Self.code(in: row[1]).first)
            let text = try readFile(file)
            for name in Self.code(in: row[0]) {
                // A suite, a test of it, or another test of the same.
                let parts = name.split(separator: "/")
                if name.first?.isUppercase == true {
                    #expect(text.contains("struct \(parts[0])"), "\(file) has no suite \(parts[0])")
                }
                if name.first?.isLowercase == true || parts.count == 2 {
                    #expect(text.contains("func \(parts.last ?? "")("), "\(file) has no test \(name)")
                }
            }
        }
    }

    @Test func thePlantedBugsAreThere() async throws {
        let rows = try Self.rows(of: "ProofOfExclusion").filter { $0.count == 3 }.dropFirst()
        #expect(rows.count > 10)
        for bug in rows.flatMap({ Self.code(in: $0[2]) }) {
            let patch = try readFile("Tests/PlantedBugs/recipes/\(bug).patch")
            #expect(!patch.isEmpty)
        }
        let page = try readFile("\(Self.catalogue)/ProofOfExclusion.md")
            .split(whereSeparator: \.isWhitespace).joined(separator: " ")
        for (kind, words) in [("recipes", "bugs of the recipes"), ("modelled", "of what the model check models")] {
            let patches = try await Program(found: "find")
                .output(["Tests/PlantedBugs/\(kind)", "-name", "*.patch"]).lines
            #expect(page.contains("\(patches.count) \(words)"), "there are \(patches.count) \(words)")
        }
    }

    /// The cells of the tables of a page.
    private static func rows(of page: String) throws -> [[String]] {
        try readFile("\(catalogue)/\(page).md").split(separator: "\n").filter { $0.hasPrefix("| ") }.map { line in
            line.dropFirst(2).split(separator: " | ", omittingEmptySubsequences: false).map { cell in
                String(cell.hasSuffix(" |") ? cell.dropLast(2) : cell)
            }
        }
    }

    /// What stands between back quotes.
    private static func code(in text: String) -> [String] {
        text.split(separator: "`", omittingEmptySubsequences: false).enumerated()
            .filter { $0.offset % 2 == 1 }.map { String($0.element) }
    }
}
