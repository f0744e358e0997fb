// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// Random paths, against the rules of the JVM client.
@Suite(.timeLimit(.minutes(10))) struct PathFuzzTests {
    /// `org.apache.zookeeper.common.PathUtils`, as it is written there: over UTF-16.
    private func isValid(_ path: String) -> Bool {
        let units = Array(path.utf16)
        let slash = UInt16(0x2F)
        let dot = UInt16(0x2E)
        guard units.first == slash else { return false }
        if units.count == 1 { return true }
        if units.last == slash { return false }
        var last = slash
        for index in 1..<units.count {
            let unit = units[index]
            let endsComponent = index + 1 == units.count || units[index + 1] == slash
            if unit == 0 || unit == slash && last == slash { return false }
            if unit == dot, last == dot, units[index - 2] == slash, endsComponent { return false }
            if unit == dot, last == slash, endsComponent { return false }
            switch unit {
            case 0x01...0x1F, 0x7F...0x9F, 0xD800...0xF8FF, 0xFFF0...0xFFFF: return false
            default: last = unit
            }
        }
        return true
    }

    private func randomPath(_ random: inout SplitMix64) -> String {
        if random.oneIn(20) { return random.text(0...6) }
        var path = ""
        for _ in 0..<random.int(1...5) {
            path += random.oneIn(30) ? "//" : "/"
            path += random.oneIn(10) ? random.pick([".", "..", "...", ".a", "a.", "..a"]) : random.text(1...4)
        }
        if random.oneIn(200) { path += String(repeating: "x", count: random.int(1...100_000)) }
        return random.oneIn(30) ? path + "/" : path
    }

    @Test func theRulesAreThoseOfTheJVM() async throws {
        var paths: [String] = []
        Fuzz.forEachSeed(10_000) { seed, random in
            let text = randomPath(&random)
            let isAccepted = (try? ZNodePath(text)) != nil
            #expect(isAccepted == isValid(text), "seed \(seed): \(text.debugDescription.prefix(200))")
            if text.utf8.count < 200 { paths.append(text) }
        }
        // And the expectation is right.
        let answers = try await JVM.answers(to: paths, as: .path)
        let accepted = answers.count { $0 == "+" }
        #expect(accepted > paths.count / 5 && accepted < paths.count * 4 / 5, "both kinds: \(accepted) accepted")
        for (path, answer) in zip(paths, answers) {
            #expect((answer == "+") == isValid(path), "\(path.debugDescription)")
        }
    }

    @Test func aPathIsItsBytes() {
        var previous: ZNodePath = "/"
        Fuzz.forEachSeed(10_000) { seed, random in
            guard let path = try? ZNodePath(randomPath(&random)) else { return }
            let text = path.string
            let bytes = Array(text.utf8)
            #expect(Array(path.description.utf8) == bytes)
            // Up and down again.
            if let parent = path.parent {
                let again = try? parent.appending(path.name)
                #expect(again?.string.utf8.elementsEqual(bytes) == true, "seed \(seed): \(text.debugDescription)")
                #expect(path.ancestors.last ?? .root == parent, "seed \(seed): \(text.debugDescription)")
            } else {
                #expect(bytes == [0x2F])
            }
            let depth = bytes.count { $0 == 0x2F } - (path.isRoot ? 1 : 0)
            #expect(path.ancestors.count == max(depth - 1, 0), "seed \(seed): \(text.debugDescription)")
            // Into a chroot and out again.
            for chroot in [previous, "/app", "/a"] {
                let inside = ServerPath(path, below: chroot).relative(to: chroot).string
                #expect(inside.utf8.elementsEqual(bytes), "seed \(seed): \(text.debugDescription) in \(chroot)")
            }
            // The same path is the same bytes, and nothing else is.
            let other = previous.string.utf8
            #expect((path == previous) == other.elementsEqual(bytes), "seed \(seed)")
            #expect((path < previous) == bytes.lexicographicallyPrecedes(other), "seed \(seed): \(text) < \(previous)")
            previous = path
        }
    }

    /// Two forms of a letter are two nodes for ZooKeeper; Swift's strings are equal.
    @Test func twoFormsOfALetterAreTwoPaths() {
        Fuzz.forEachSeed(500) { seed, random in
            let (composed, decomposed) = random.pick([
                ("\u{E9}", "e\u{301}"), ("\u{C5}", "\u{212B}"), ("\u{AC00}", "\u{1100}\u{1161}"),
            ])
            let head = "/" + random.text(1...3)
            guard let first = try? ZNodePath(head + composed), let second = try? ZNodePath(head + decomposed) else {
                return
            }
            #expect(first.string == second.string)
            #expect(first != second, "seed \(seed)")
            #expect((first < second) != (second < first), "seed \(seed)")
            #expect(Set([first, second, first]).count == 2, "seed \(seed)")
        }
    }
}
