/// The name of a node in the queue: the part before the digits says which access it asks for, the digits say its
/// position.
package struct ContenderName: Sendable, Hashable {
    /// The whole name.
    package var name: String
    /// The number the server gave.
    package var sequence: Int64
    package var kind: ContenderKind

    package init(name: String, sequence: Int64, kind: ContenderKind = .exclusive) {
        self.name = name
        self.sequence = sequence
        self.kind = kind
    }
}

/// The access that a participant asks for.
@nonexhaustive
public enum ContenderKind: Sendable, Hashable {
    /// To be alone.
    case exclusive
    /// To keep out only those who want to be alone.
    case shared
}

/// A GUID that makes every attempt's node recognisable: a random UUID, lower-case as the JVM writes it.
package enum GUID {
    package static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return random(using: &generator)
    }

    package static func random(using generator: inout some RandomNumberGenerator) -> String {
        // Version 4, variant 1.
        let high = UInt64.random(in: .min ... .max, using: &generator) & ~0xF000 | 0x4000
        let low = UInt64.random(in: .min ... .max, using: &generator) & ~(0b11 << 62) | (0b10 << 62)
        let digits = Array(hexadecimal(high) + hexadecimal(low))
        return [digits[0..<8], digits[8..<12], digits[12..<16], digits[16..<20], digits[20..<32]]
            .map { String($0) }.joined(separator: "-")
    }

    private static func hexadecimal(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
