// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper

@Suite struct GUIDSourceTests {
    @Test func areUUIDsAsTheJVMWritesThem() throws {
        let source = GUIDSource()
        let format = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/
        for _ in 0..<100 {
            let guid = source.next()
            #expect(try format.wholeMatch(in: guid) != nil, "lower-case, version 4, variant 1: \(guid)")
        }
        #expect(try /[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}/.wholeMatch(in: source.next(hasDashes: false)) != nil)
    }

    @Test func noneComesTwice() {
        let first = GUIDSource()
        let second = GUIDSource()
        var known: Set<String> = []
        for _ in 0..<5_000 {
            #expect(known.insert(first.next()).inserted)
            #expect(known.insert(second.next()).inserted)
        }
    }

    /// The numbers of a source that begins at the end of its range go on at the beginning.
    @Test func countsOverTheEndOfItsRange() {
        var generator = LastNumbers()
        let source = GUIDSource(using: &generator)
        let guids = (0..<4).map { _ in source.next() }
        #expect(Set(guids).count == 4)
    }

    private struct LastNumbers: RandomNumberGenerator {
        func next() -> UInt64 { .max - 1 }
    }
}
