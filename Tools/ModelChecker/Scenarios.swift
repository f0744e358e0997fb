// SPDX-License-Identifier: Apache-2.0

import ZooKeeperRecipes

extension Scenario {
    /// The scenarios that are small enough to be searched completely in the tests.
    package static let short = shortQueues + shortEdges
    /// The scenarios with all faults, as large as a machine can search in some minutes.
    package static let long = longEdges + longLines + longQueues

    /// One contender for what its own requests leave behind, two for hand-offs, three for those behind several.
    private static let shortQueues: [Scenario] = [
        Scenario("one: lock", .curator, [.exclusive], .all, budget: 2),
        Scenario("one: elect", .curatorLatch, [.leader], [.cut, .cutLate, .leave, .delete], budget: 2),
        Scenario("two: lock", .curator, [.exclusive, .exclusive], [.cut, .expire], budget: 1),
        Scenario(
            "two: operators", .curator, [.exclusive, .exclusive], [.operators, .leave, .createTwice, .holdForLong],
            budget: 1, foreign: ["00", "_c_lock-x"]),
        Scenario("two: gone meanwhile", .curator, [.exclusive, .exclusive], .missed, budget: 1),
        Scenario(
            "two: written and deleted", .curatorReadWrite, [.exclusive, .exclusive], [.write, .delete], budget: 2),
        Scenario("two: fresh path", .curator, [.exclusive, .exclusive], [.reap], budget: 1, isFresh: true),
        Scenario("two: try", .curator, [.exclusive, .attempt], [.cut, .leave], budget: 1),
        Scenario("two: write, read", .curatorReadWrite, [.exclusive, .reader], [.cut, .leave], budget: 1),
        Scenario("two: downgrade, write", .curatorReadWrite, [.downgrader, .exclusive], [], budget: 0),
        Scenario("two: upgrade, read", .curatorReadWrite, [.upgrader, .reader], [], budget: 0),
        Scenario("two: elect, elect", .curatorLatch, [.leader, .exclusive], [.delete, .leave], budget: 1),
        Scenario("three: lock", .curator, [.exclusive, .exclusive, .exclusive], [], budget: 0),
        Scenario("three: write, write, read", .curatorReadWrite, [.exclusive, .exclusive, .reader], [], budget: 0),
        Scenario(
            "three in order: lock", .curator, three, [.cut, .leave, .delete, .write, .throttle], budget: 1,
            joinsInOrder: true),
        Scenario("three in order: lost", .curator, three, [.expire, .overdue, .split], budget: 1, joinsInOrder: true),
        Scenario("three in order: lag", .curator, three, [.cut, .lag], budget: 1, joinsInOrder: true),
        Scenario(
            "three in order: write, write, read", .curatorReadWrite, [.exclusive, .exclusive, .reader],
            [.cut, .leave, .delete], budget: 1, joinsInOrder: true),
        Scenario("four in order: lock", .curator, three + [.exclusive], [], budget: 0, joinsInOrder: true),
        Scenario(
            "four in order: leave", .curator, three + [.exclusive], .leave, budget: 2, sessions: [0, 1, 1, 2],
            joinsInOrder: true),
    ]

    private static let three: [Role] = [.exclusive, .exclusive, .exclusive]

    static let common: Faults = [.cut, .cutLate, .expire, .delete, .leave]

    private static let longLines: [Scenario] = [
        Scenario(
            "3 in order, all faults", .curator, three, [.all, .missed, .throttle, .split, .close], budget: 1,
            joinsInOrder: true),
        Scenario(
            "3 in order, two faults", .curator, three, [.cut, .leave, .delete, .write, .split, .throttle, .overdue],
            budget: 2,
            joinsInOrder: true),
        Scenario("3 in order, lag", .curator, three, [.cut, .lag, .delete, .leave], budget: 2, joinsInOrder: true),
        Scenario("3 in order, expired", .curator, three, [.expire, .leave, .delete], budget: 2, joinsInOrder: true),
        Scenario(
            "3 in order, write, write, read", .curatorReadWrite, [.exclusive, .exclusive, .reader],
            [.cut, .leave, .delete, .write, .throttle], budget: 2, joinsInOrder: true),
        Scenario(
            "4 in order", .curator, three + [.exclusive], [.cut, .leave, .delete, .write, .throttle], budget: 1,
            joinsInOrder: true),
        Scenario(
            "4 in order, write, write, write, read", .curatorReadWrite, three + [.reader],
            [.cut, .leave, .delete], budget: 1, joinsInOrder: true),
        Scenario("5 in order", .curator, three + [.exclusive, .exclusive], [], budget: 0, joinsInOrder: true),
    ]

    private static let longQueues: [Scenario] = [
        Scenario("1 lock", .curator, [.exclusive], .all, budget: 3),
        Scenario("1 elect", .curatorLatch, [.leader], .all, budget: 3),
        Scenario("1 upgrade", .curatorReadWrite, [.upgrader], .all, budget: 2),
        Scenario("2 lock", .curator, [.exclusive, .exclusive], .all, budget: 1),
        Scenario("2 lock, common faults", .curator, [.exclusive, .exclusive], common, budget: 2),
        Scenario(
            "2 lock, operators", .curator, [.exclusive, .exclusive], [.operators, .cut, .holdForLong, .overdue],
            budget: 2),
        Scenario("2 lock, fresh path", .curator, [.exclusive, .exclusive], .all, budget: 1, isFresh: true),
        Scenario(
            "2 lock, doubled nodes", .curator, [.exclusive, .exclusive], [.createTwice, .overdue, .delete, .write],
            budget: 3, foreign: ["00", "_c_lock-x"]),
        Scenario("2 lock, try", .curator, [.exclusive, .attempt], .all, budget: 1),
        Scenario("2 try, try", .curator, [.attempt, .attempt], .all, budget: 1),
        Scenario("2 write, write", .curatorReadWrite, [.exclusive, .exclusive], .all, budget: 1),
        Scenario("2 write, read", .curatorReadWrite, [.exclusive, .reader], .all, budget: 1),
        Scenario("2 write, read, common faults", .curatorReadWrite, [.exclusive, .reader], common, budget: 2),
        Scenario("2 downgrade, write", .curatorReadWrite, [.downgrader, .exclusive], .all, budget: 1),
        Scenario("2 downgrade, read", .curatorReadWrite, [.downgrader, .reader], .all, budget: 1),
        Scenario("2 upgrade, write", .curatorReadWrite, [.upgrader, .exclusive], .all, budget: 1),
        Scenario("2 upgrade, upgrade", .curatorReadWrite, [.upgrader, .upgrader], .all, budget: 1),
        Scenario("2 elect twice, elect", .curatorLatch, [.leader, .exclusive], .all, budget: 1),
        Scenario("2 elect twice, twice", .curatorLatch, [.leader, .leader], .all, budget: 1),
        Scenario("3 lock, cut or left", .curator, [.exclusive, .exclusive, .exclusive], [.cut, .leave], budget: 1),
        Scenario("3 lock, operators", .curator, [.exclusive, .exclusive, .exclusive], .operators, budget: 1),
        Scenario(
            "3 write, read, read", .curatorReadWrite, [.exclusive, .reader, .reader], [.cut, .delete, .leave], budget: 1
        ),
        Scenario(
            "3 write, write, read", .curatorReadWrite, [.exclusive, .exclusive, .reader], [.cut, .delete, .leave],
            budget: 1),
        Scenario(
            "3 downgrade, write, read", .curatorReadWrite, [.downgrader, .exclusive, .reader], [.delete, .leave],
            budget: 1),
        Scenario("3 elect", .curatorLatch, [.leader, .exclusive, .exclusive], [.delete, .leave], budget: 1),
    ]

    /// The scenarios for random histories.
    package static let randomized: [Scenario] = [
        Scenario("5 lock at random", .curator, Array(repeating: .exclusive, count: 5), .all, budget: 8),
        Scenario(
            "6 lock and try at random", .curator, Array(repeating: .exclusive, count: 4) + [.attempt, .attempt], .all,
            budget: 8, foreign: ["00"]),
        Scenario(
            "7 read and write at random", .curatorReadWrite,
            [.exclusive, .reader, .downgrader, .reader, .upgrader, .exclusive, .reader], .all, budget: 8),
        Scenario(
            "6 elect at random", .curatorLatch, [.leader, .leader, .exclusive, .leader, .exclusive, .leader], .all,
            budget: 8),
    ]
}
