// SPDX-License-Identifier: Apache-2.0

/// A JSON value, and its text.
package enum JSON: Sendable, Hashable, CustomStringConvertible {
    /// A member of an object.
    package struct Member: Sendable, Hashable {
        package var key: String
        package var value: JSON
    }

    /// The members in this order.
    indirect case object([Member])
    indirect case array([JSON])
    case string(String)
    case integer(Int64)
    case bool(Bool)
    case null

    /// A string, or null.
    package static func optional(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }

    /// An integer, or null.
    package static func optional(_ number: Int64?) -> JSON { number.map { .integer($0) } ?? .null }

    /// The text, on one line.
    package var description: String {
        var text = ""
        write(to: &text)
        return text
    }

    private func write(to text: inout String) {
        switch self {
        case .object(let members):
            Self.write(members, "{", "}", to: &text) { member, text in
                Self.write(member.key, to: &text)
                text += ":"
                member.value.write(to: &text)
            }
        case .array(let values): Self.write(values, "[", "]", to: &text) { $0.write(to: &$1) }
        case .string(let string): Self.write(string, to: &text)
        case .integer(let number): text += String(number)
        case .bool(let isTrue): text += isTrue ? "true" : "false"
        case .null: text += "null"
        }
    }

    private static func write<Element>(
        _ elements: [Element], _ start: String, _ end: String, to text: inout String,
        _ write: (Element, inout String) -> Void
    ) {
        text += start
        for (position, element) in elements.enumerated() {
            if position > 0 { text += "," }
            write(element, &text)
        }
        text += end
    }

    private static func write(_ string: String, to text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            // Control characters; and the separators that end a line of JavaScript.
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}

extension JSON: ExpressibleByDictionaryLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral {
    package init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(elements.map { Member(key: $0, value: $1) })
    }

    package init(stringLiteral value: String) { self = .string(value) }

    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
}
