// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeper
import ZooKeeperRecipes

@Suite struct DialectTests {
    private let dialect = LineDialect.curator

    @Test func ourNamesAreCurators() throws {
        let guids = GUIDSource()
        let guid = dialect.makeGUID(guids)
        #expect(dialect.prefix(for: guid) == "_c_\(guid)-lock-")
        let format = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/
        #expect(try format.wholeMatch(in: guid) != nil, "lower-case, version 4: \(guid)")
        #expect(dialect.makeGUID(guids) != guid)
    }

    @Test(arguments: [
        // Curator, go-zookeeper, kezhuw's client, and names without a guid.
        ("_c_18cd1f3e-7f5e-4c0e-9d0b-0f6c5d2e1a3b-lock-0000000007", 7),
        ("_c_18cd1f3e7f5e4c0e9d0b0f6c5d2e1a3b-lock-0000000007", 7),
        ("lock-0000000000", 0),
        ("x-lock-y-lock-0000000012", 12),
        ("_c_a-lock-2147483646", 2_147_483_646),
    ])
    func aContenderIsRead(_ name: String, _ sequence: Int64) {
        #expect(dialect.parse(name) == .contender(ContenderName(name: name, sequence: sequence)))
    }

    @Test(arguments: [
        "00", "config", "zz", "", "lock", "lock-", "_c_a-lock-", "lock-x", "_c_a-lock-00000x", "_c_a-latch-0000000001",
        "_c_a-__READ__0000000001", "18cd1f3e7f5e4c0e9d0b0f6c5d2e1a3b__lock__0000000003", "n_0000000001", "lock--",
    ])
    func aForeignChildIsIgnored(_ name: String) {
        #expect(dialect.parse(name) == .foreign)
    }

    @Test(arguments: [
        "_c_a-lock-2147483647", "_c_a-lock--2147483648", "_c_a-lock--0000000001", "_c_a-lock-99999999999999999999999",
    ])
    func numbersThatHaveRunOutAreNeverForeign(_ name: String) {
        #expect(dialect.parse(name) == .exhausted)
    }
}
