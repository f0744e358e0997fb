// SPDX-License-Identifier: Apache-2.0

/// A check of XML: elements are closed in order, attributes are quoted, text is escaped.
public enum Markup {
    /// The first flaw; `nil` if there is none.
    public static func flaw(in text: String) -> String? {
        var open: [Substring] = []
        var rest = text[...]
        while let start = rest.firstIndex(of: "<") {
            if let flaw = flawOfText(rest[..<start]) { return flaw }
            guard let end = rest[start...].firstIndex(of: ">") else { return "a tag has no end" }
            let tag = rest[rest.index(after: start)..<end]
            rest = rest[rest.index(after: end)...]
            if tag.hasPrefix("!") || tag.hasPrefix("?") { continue }
            if tag.hasPrefix("/") {
                guard let last = open.popLast(), last == tag.dropFirst() else {
                    return "</\(tag.dropFirst())> closes nothing"
                }
                continue
            }
            if tag.count(where: { $0 == "\"" }) % 2 != 0 || tag.contains("'") { return "<\(tag)> has odd quotes" }
            if !tag.hasSuffix("/") { open.append(tag.prefix { !$0.isWhitespace }) }
        }
        if let flaw = flawOfText(rest) { return flaw }
        return open.last.map { "<\($0)> is not closed" }
    }

    private static func flawOfText(_ text: Substring) -> String? {
        for part in text.split(separator: "&", omittingEmptySubsequences: false).dropFirst() {
            let name = part.prefix { $0 != ";" }
            guard ["amp", "lt", "gt", "quot"].contains(name) || name.hasPrefix("#") else {
                return "&\(name) is no entity"
            }
        }
        return nil
    }
}
