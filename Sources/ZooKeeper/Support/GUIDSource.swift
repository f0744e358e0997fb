// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Makes GUIDs: random UUIDs in lower case, as the JVM writes them, without a system call for each.
///
/// A source draws 122 random bits from the system when it is made. The 60 in the first half of a UUID are those of all
/// its GUIDs; those in the second half are counted up. So no two GUIDs of one source are equal, and two of different
/// sources are only if the first halves are equal *and* the two have counted over the same numbers: as unlikely as for
/// UUIDs that are drawn one by one, as long as no source makes more than some 2^60 of them. Each session has a source of
/// its own, so that a process that is forked, whose sessions do not work, makes none of its parent's.
package struct GUIDSource: ~Copyable, Sendable {
    private let first: UInt64
    private let second: UInt64
    private let count = Atomic<UInt64>(0)

    package init() {
        var generator = SystemRandomNumberGenerator()
        self.init(using: &generator)
    }

    package init(using generator: inout some RandomNumberGenerator) {
        first = generator.next()
        second = generator.next()
    }

    /// - Parameter hasDashes: `false`: 32 digits without dashes between them.
    package func next(hasDashes: Bool = true) -> String {
        let number = count.add(1, ordering: .relaxed).oldValue
        // Version 4, variant 1.
        let high = first & ~0xF000 | 0x4000
        let low = (second &+ number) & ~(0b11 << 62) | (0b10 << 62)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(36)
        for digit in 0..<32 {
            if hasDashes, digit == 8 || digit == 12 || digit == 16 || digit == 20 { bytes.append(UInt8(ascii: "-")) }
            let half = digit < 16 ? high : low
            let value = UInt8(truncatingIfNeeded: half >> UInt64(60 - 4 * (digit % 16))) & 0xF
            bytes.append(value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
