// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeper
import ZooKeeperRecipes

/// A list of children, of which a contender wants to know few.
@Suite struct LineTests {
    private func name(_ guid: String, _ sequence: Int, _ marker: String = "lock-") -> String {
        let digits = String(sequence)
        return "_c_\(guid)-\(marker)" + String(repeating: "0", count: 10 - digits.count) + digits
    }

    @Test func contendersKeepTheirPlacesInTheList() throws {
        let names: ChildNames = ["config", name("x", 7), "00", name("y", 3), "lock-x"]
        let line = try #require(Line(names, .curator))
        #expect(line.entries.map(\.position) == [1, 3])
        #expect(line.entries.map(\.sequence) == [7, 3])
        #expect(line.entries.map { line.name(of: $0) } == [name("x", 7), name("y", 3)])
        #expect(line.entries.map { Array(line.bytes(of: $0)) } == [name("x", 7), name("y", 3)].map { Array($0.utf8) })
    }

    @Test func aLineWhoseNumbersHaveRunOutIsNone() {
        #expect(Line([name("x", 7), "_c_y-lock-2147483647"], .curator) == nil)
        #expect(Line(["_c_y-lock--2147483648"], .curator) == nil)
        #expect(Line(["_c_y-lock-99999999999999999999999999"], .curator) == nil)
        #expect(Line([], .curator)?.entries.isEmpty == true)
    }

    @Test func aSignIsOnlyOneBehindAMarker() {
        let dialect = LineDialect.curator
        #expect(dialect.parse("lock--0") == .contender(ContenderName(name: "lock--0", sequence: 0)))
        #expect(dialect.parse("lock---1") == .foreign)
        #expect(dialect.parse("-1") == .foreign)
        #expect(dialect.parse("1") == .foreign)
        #expect(dialect.parse("lock-1-2") == .foreign)
    }

    /// Both mutexes' markers end in a dash, which is a sign too.
    @Test func anotherNamingSchemeIsFound() {
        #expect(LineDialect.curator.foreignNodes(among: ["config", name("x", 1)], upTo: 9) == [])
        let latch = name("y", 2, "latch-")
        #expect(LineDialect.curator.foreignNodes(among: ["config", name("x", 1), latch], upTo: 9) == [latch])
    }

    @Test(arguments: [[1, 2, 3, 4], [4, 3, 2, 1], [2, 4, 1, 3], [3, 1, 4, 2]])
    func theTwoNearestAreFoundInAnyOrder(_ order: [Int]) {
        var machine = ContenderMachine(dialect: .curator, policy: .exclusive, mode: .wait)
        _ = machine.handle(.start, isInTime: true, guid: "me")
        let own = name("me", 9)
        let names = ChildNames(["a", name("late", 11)] + order.map { name("x", $0) } + [own, "b"])
        let event = ContenderMachine.Event.enqueued(
            create: .success(.init(name: own, czxid: Zxid(rawValue: 9))), list: .success(names), parents: nil,
            connection: 1)
        #expect(machine.handle(event, isInTime: true) == [.watch(blocker: name("x", 4), second: name("x", 3))])
        #expect(machine.position?.ahead == 4)
        #expect(machine.holder == name("x", 1))
    }
}
