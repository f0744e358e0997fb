// SPDX-License-Identifier: Apache-2.0

/// Rows of text in aligned columns.
package struct TextTable: Sendable {
    private let cells: [[String]]

    package init(_ cells: [[String]]) { self.cells = cells }

    /// The rows; the last column is not padded.
    package var rows: [String] {
        var widths: [Int] = []
        for row in cells {
            for (column, cell) in row.enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = max(widths[column], cell.count)
            }
        }
        return cells.map { row in
            row.enumerated().map { column, cell in
                column == row.count - 1 ? cell : Self.padded(cell, widths[column])
            }.joined(separator: "  ")
        }
    }

    package static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// Text that others have written, without what a terminal might take for a command.
    ///
    /// - Parameter limit: The largest number of characters that are shown.
    package static func printable(_ text: String, upTo limit: Int = .max) -> String {
        var result = ""
        for scalar in text.unicodeScalars.prefix(limit) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return text.unicodeScalars.count > limit ? result + "..." : result
    }
}
