// SPDX-License-Identifier: Apache-2.0

/// The names of a node's children, in one block of memory: two allocations however many there are.
///
/// A contender of a long queue reads the bytes, and makes strings of the few names that concern it.
package struct ChildNames: Sendable, Hashable {
    /// All names, one behind the other.
    package let bytes: [UInt8]
    /// For each name, the position in ``bytes`` behind its end.
    private let ends: [Int]

    /// - Parameters:
    ///   - bytes: All names, one behind the other.
    ///   - ends: For each name, the position behind its end.
    package init(bytes: [UInt8], ends: [Int]) {
        self.bytes = bytes
        self.ends = ends
    }

    package init(_ names: some Sequence<String>) {
        var bytes: [UInt8] = []
        var ends: [Int] = []
        for name in names {
            bytes.append(contentsOf: name.utf8)
            ends.append(bytes.count)
        }
        self.init(bytes: bytes, ends: ends)
    }

    /// The position of a name's bytes in ``bytes``.
    package func range(at position: Int) -> Range<Int> {
        (position == 0 ? 0 : ends[position - 1])..<ends[position]
    }
}

extension ChildNames: RandomAccessCollection, ExpressibleByArrayLiteral {
    package var startIndex: Int { 0 }
    package var endIndex: Int { ends.count }

    /// The name as a string, made anew each time.
    package subscript(position: Int) -> String { String(decoding: bytes[range(at: position)], as: UTF8.self) }

    package init(arrayLiteral names: String...) { self.init(names) }
}
