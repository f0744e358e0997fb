// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeper
import ZooKeeperRecipes

@Suite struct FencingTokenTests {
    private let tokens = [0, 1, 255, 256, 0x1_0000_0000, 0x5_0000_0003, Int64.max].map { Zxid(rawValue: $0) }
        .flatMap {
            [FencingToken(czxid: $0), FencingToken(czxid: $0, counter: 1), FencingToken(czxid: $0, counter: .max)]
        }

    @Test func sortsInEveryForm() {
        for (index, token) in tokens.enumerated() {
            for (other, later) in tokens.enumerated() {
                #expect((token < later) == (index < other))
                #expect(token.bytes.lexicographicallyPrecedes(later.bytes) == (index < other))
                #expect((token.description < later.description) == (index < other))
            }
        }
    }

    @Test func isReadBack() {
        for token in tokens {
            #expect(token.bytes.count == 12)
            #expect(token.description.utf8.count == 24)
            #expect(FencingToken(bytes: token.bytes) == token)
            #expect(FencingToken(token.description) == token)
        }
    }

    @Test(arguments: [
        "", "0", "00000000000000000000000", "0000000000000000000000000", "00000000000000000000000g",
        "0000000000000000000000 1", "+00000000000000000000001", "0000000000000000-0000001", "00000000000000000000000A",
    ])
    func otherTextIsNoToken(_ text: String) {
        #expect(FencingToken(text) == nil)
    }

    @Test func otherBytesAreNoToken() {
        #expect(FencingToken(bytes: [UInt8](repeating: 0, count: 11)) == nil)
        #expect(FencingToken(bytes: [UInt8](repeating: 0, count: 13)) == nil)
    }
}
