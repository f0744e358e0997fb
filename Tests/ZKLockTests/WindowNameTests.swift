// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeperRecipes
import zklock

/// Names of nodes, and what they tell.
@Suite struct WindowNameTests {
    static let guid = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
    static let hex = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"

    struct Case: Sendable {
        var name: String
        var kind: LockKind
        var library: Library
        var access = ContenderKind.exclusive
        var sequence: Int64? = 12
    }

    @Test(arguments: [
        Case(name: "_c_\(guid)-lock-0000000012", kind: .curatorMutex, library: .curator),
        Case(name: "lock-0000000012", kind: .curatorMutex, library: .curator),
        Case(name: "_c_\(hex)-lock-0000000012", kind: .curatorMutex, library: .goZooKeeper),
        Case(name: "_c_\(guid)-latch-0000000012", kind: .curatorLatch, library: .curator),
        Case(name: "_c_\(guid)-__WRIT__0000000012", kind: .curatorReadWrite, library: .curator),
        Case(name: "_c_\(guid)-__READ__0000000012", kind: .curatorReadWrite, library: .curator, access: .shared),
        Case(name: "\(hex)__lock__0000000012", kind: .kazoo, library: .kazoo),
        Case(name: "\(hex)__rlock__0000000012", kind: .kazoo, library: .kazoo, access: .shared),
        Case(name: "\(hex)-mine-0000000012", kind: .custom("-mine-"), library: .custom),
        Case(name: "_c_\(guid)-lock-2147483647", kind: .curatorMutex, library: .curator, sequence: nil),
        Case(name: "_c_\(guid)-lock--000000012", kind: .curatorMutex, library: .curator, sequence: nil),
        Case(name: "\(hex)-mine-2147483647", kind: .custom("-mine-"), library: .custom, sequence: nil),
        Case(name: "\(hex)-mine--000000012", kind: .custom("-mine-"), library: .custom, sequence: nil),
    ])
    func namesTellKindAndLibrary(_ expected: Case) throws {
        let name = try #require(ParticipantName(expected.name))
        #expect(name.kind == expected.kind)
        #expect(name.library == expected.library)
        #expect(name.access == expected.access)
        #expect(name.sequence == expected.sequence)
    }

    @Test(arguments: [
        "config", "locks", "leases", "_c_\(guid)-lease-0000000001", hex, "\(hex)0000000001", "x-1-0000000001",
        "n_0000000001", "last-run-2147483647", "",
    ])
    func othersAreNoParticipants(_ name: String) { #expect(ParticipantName(name) == nil) }

    @Test func aNumberThatNoServerGaveIsOnlyAParticipantBesideOthers() {
        #expect(ChildGroups(["clock-7", "other"]).participants.isEmpty)
        #expect(ChildGroups(["clock-7", "other"]).others == ["clock-7", "other"])
        let groups = ChildGroups(["lock-7", "_c_\(Self.guid)-lock-0000000003"])
        #expect(groups.participants[.curatorMutex]?.map(\.sequence) == [3, 7])
        #expect(groups.others.isEmpty)
    }

    @Test func participantsAreInTheOrderOfTheirNumbers() {
        let names = ["_c_\(Self.guid)-lock-0000000012", "lock-2147483647", "_c_\(Self.hex)-lock-0000000003"]
        #expect(ChildGroups(names).participants[.curatorMutex]?.map(\.sequence) == [3, 12, nil])
    }
}
