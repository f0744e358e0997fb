// SPDX-License-Identifier: Apache-2.0

import TestSupport

/// The article about observability, and the sources that it is about.
enum Article {
    struct Missing: Error {
        let section: String
    }

    /// The text of a source file.
    static func source(_ path: String) throws -> String {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        return try readFile("/\(root)/\(path)")
    }

    /// The first column of the table in this section.
    static func table(_ section: String) throws -> [String] { try rows(section).map { $0[0] } }

    /// The rows of the table in this section, without the marks of code.
    static func rows(_ section: String) throws -> [[String]] {
        let text = try source("Sources/ZooKeeper/ZooKeeper.docc/Observability.md")
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let start = lines.firstIndex(where: { $0 == "## \(section)" || $0 == "### \(section)" }) else {
            throw Missing(section: section)
        }
        let section = lines[(start + 1)...].prefix { !$0.hasPrefix("#") }
        let table = section.drop { !$0.hasPrefix("|") }.prefix { $0.hasPrefix("|") }
        return table.dropFirst(2).map { line in
            // An empty cell is one too; before the first and behind the last bar there is none.
            line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast().map { cell in
                let trimmed = cell.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
                return String(trimmed).replacing("`", with: "")
            }
        }
    }
}
