// SPDX-License-Identifier: Apache-2.0

/// A generator of random numbers from a seed (Steele, Lea and Flood, 2014). The same seed gives the same numbers on
/// every machine.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Makes an independent generator, for another task.
    package mutating func split() -> SplitMix64 { SplitMix64(seed: next()) }

    /// Returns a random number in `range`.
    package mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    /// Returns `true` once in `count` times on average.
    package mutating func oneIn(_ count: Int) -> Bool { int(1...count) == 1 }

    /// Returns one of `choices`, which must not be empty.
    package mutating func pick<Choice>(_ choices: [Choice]) -> Choice { choices[int(0...choices.count - 1)] }

    /// Returns `count` random bytes.
    package mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &self) }
    }
}
