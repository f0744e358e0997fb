// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeperTesting

/// The settings of the random tests, from the environment.
enum Fuzz {
    /// The first seed: fixed, unless `FUZZ_SEED` says another. A failure prints the seed of its case; to see it again,
    /// set
    /// `FUZZ_SEED` to it.
    static let seed = number("FUZZ_SEED") ?? 1

    /// The factor by which more cases than usual are run: `FUZZ_FACTOR`.
    static let factor = Int(number("FUZZ_FACTOR") ?? 1)

    /// Returns the seeds of so many cases.
    static func seeds(_ count: Int) -> [UInt64] { (0..<count).map { seed &+ UInt64($0) } }

    /// Runs `body` with the random numbers of each of `count` seeds, times the factor.
    static func forEachSeed(_ count: Int, _ body: (_ seed: UInt64, _ random: inout SplitMix64) throws -> Void) rethrows
    {
        for seed in seeds(count * factor) {
            var random = SplitMix64(seed: seed)
            try body(seed, &random)
        }
    }

    private static func number(_ name: String) -> UInt64? { environmentValue(name).flatMap { UInt64($0) } }
}

extension SplitMix64 {
    /// Returns text of so many characters, mostly of those at which rules for paths and names have their edges.
    mutating func text(_ length: ClosedRange<Int>, plain: [Unicode.Scalar] = Self.letters) -> String {
        var text = String.UnicodeScalarView()
        // Most texts have no odd character at all, or none would ever be accepted.
        let odds = oneIn(3) ? 4 : 1_000_000
        for _ in 0..<int(length) {
            text.append(oneIn(odds) ? pick(Self.edges) : oneIn(20) ? pick(Self.allowedEdges) : pick(plain))
        }
        return String(text)
    }

    static let letters: [Unicode.Scalar] = ["a", "b", "c", ".", "-", "_", "0", "9"]

    /// Scalars that are allowed in paths, and traps for code that counts in characters: combining marks, joiners, line
    /// ends of two code points, the same letter in two forms; and the neighbours of those that are refused.
    static let allowedEdges: [Unicode.Scalar] = [
        " ", "~", "\u{A0}", "\u{E9}", "\u{301}", "\u{200D}", "\u{FE0F}", "\u{1100}", "\u{1161}", "\u{AC00}", "\u{212B}",
        "\u{C5}", "\u{30A}", "\u{D7FF}", "\u{F900}", "\u{FEFF}", "\u{FFEF}", "\u{6F22}", "\u{202E}",
    ]

    /// The same, and those that are refused.
    static let edges: [Unicode.Scalar] =
        allowedEdges + [
            "\0", "\u{1}", "\t", "\n", "\r", "\u{1F}", "\u{7F}", "\u{80}", "\u{85}", "\u{9F}", "\u{E000}", "\u{F8FF}",
            "\u{FFF0}", "\u{FFFD}", "\u{FFFF}", "\u{10000}", "\u{1F600}", "\u{10FFFF}",
        ]
}
