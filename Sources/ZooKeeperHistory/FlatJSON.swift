/// A JSON object whose values are strings and whole numbers: one line of a history.
struct FlatJSON: Hashable {
    enum Value: Hashable {
        case text(String)
        case number(Int64)
    }

    private(set) var members: [(name: String, value: Value)] = []

    init() {}

    static func == (left: FlatJSON, right: FlatJSON) -> Bool { left.line == right.line }

    func hash(into hasher: inout Hasher) { hasher.combine(line) }

    mutating func set(_ name: String, _ value: String) { members.append((name, .text(value))) }

    mutating func set(_ name: String, _ value: Int64) { members.append((name, .number(value))) }

    func text(_ name: String) -> String? {
        guard case .text(let text)? = members.first(where: { $0.name == name })?.value else { return nil }
        return text
    }

    func number(_ name: String) -> Int64? {
        guard case .number(let number)? = members.first(where: { $0.name == name })?.value else { return nil }
        return number
    }

    // MARK: Text

    var line: String {
        let parts = members.map { member in
            switch member.value {
            case .text(let text): Self.quoted(member.name) + ":" + Self.quoted(text)
            case .number(let number): Self.quoted(member.name) + ":\(number)"
            }
        }
        return "{" + parts.joined(separator: ",") + "}"
    }

    /// Reads what ``line`` wrote; `nil` if it is something else, such as the half line of a process that was killed.
    init?(_ line: String) {
        var reader = Reader(rest: line.unicodeScalars[...])
        guard reader.take("{") else { return nil }
        repeat {
            guard let name = reader.quoted(), reader.take(":"), let value = reader.value() else { return nil }
            members.append((name, value))
        } while reader.take(",")
        guard reader.take("}"), reader.rest.isEmpty else { return nil }
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    private struct Reader {
        var rest: Substring.UnicodeScalarView

        mutating func take(_ scalar: Unicode.Scalar) -> Bool {
            guard rest.first == scalar else { return false }
            rest.removeFirst()
            return true
        }

        mutating func value() -> Value? {
            if rest.first == "\"" { return quoted().map(Value.text) }
            let digits = rest.prefix { $0 == "-" || ("0"..."9").contains($0) }
            rest = rest[digits.endIndex...]
            return Int64(String(digits)).map(Value.number)
        }

        mutating func quoted() -> String? {
            guard take("\"") else { return nil }
            var text = String.UnicodeScalarView()
            while let scalar = rest.popFirst() {
                if scalar == "\"" { return String(text) }
                guard scalar == "\\" else {
                    text.append(scalar)
                    continue
                }
                switch rest.popFirst() {
                case "n"?: text.append("\n")
                case "u"?:
                    let digits = String(String.UnicodeScalarView(rest.prefix(4)))
                    guard digits.unicodeScalars.count == 4, let code = UInt32(digits, radix: 16),
                        let decoded = Unicode.Scalar(code)
                    else { return nil }
                    rest = rest.dropFirst(4)
                    text.append(decoded)
                case let escaped?: text.append(escaped)
                case nil: return nil
                }
            }
            return nil
        }
    }
}
