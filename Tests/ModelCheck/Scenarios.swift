import ZooKeeperRecipes

extension Scenario {
    /// Small enough to be looked at completely in the tests.
    package static let short: [Scenario] = [
        Scenario("two: connections", .curator, [.exclusive, .exclusive], [.cut, .cutLate, .expire, .abandon], budget: 1),
        Scenario(
            "two: operators", .curator, [.exclusive, .exclusive], [.operators, .leave, .createTwice, .holdForLong],
            budget: 1, foreign: ["00", "_c_lock-x"]),
        Scenario("two: cut and more", .curator, [.exclusive, .exclusive], [.cut, .overdue, .leave], budget: 1),
        Scenario(
            "two: fresh path", .curator, [.exclusive, .exclusive], [.reap, .leave], budget: 1, isFresh: true),
        Scenario("two: try", .curator, [.exclusive, .attempt], [.cut, .leave], budget: 1),
        Scenario("two: write, read", .curatorReadWrite, [.exclusive, .reader], [.cut, .delete, .leave], budget: 1),
        Scenario("two: downgrade, write", .curatorReadWrite, [.downgrader, .exclusive], [.delete], budget: 1),
        Scenario("two: upgrade, read", .curatorReadWrite, [.upgrader, .reader], [.delete], budget: 1),
        Scenario("two: elect, elect", .curatorLatch, [.leader, .exclusive], [.cut, .delete, .leave], budget: 1),
    ]

    /// Everything that can go wrong, as often as a machine can look at in some minutes.
    package static let long: [Scenario] = [
        Scenario("2 lock", .curator, [.exclusive, .exclusive], .all, budget: 2),
        Scenario("2 lock, fresh path", .curator, [.exclusive, .exclusive], .all, budget: 1, isFresh: true),
        Scenario(
            "2 lock, doubled nodes", .curator, [.exclusive, .exclusive], [.createTwice, .overdue, .delete, .write],
            budget: 3, foreign: ["00", "_c_lock-x"]),
        Scenario("2 lock and try", .curator, [.exclusive, .attempt], .all, budget: 2),
        Scenario("2 try and try", .curator, [.attempt, .attempt], .all, budget: 2),
        Scenario("2 write, read", .curatorReadWrite, [.exclusive, .reader], .all, budget: 2),
        Scenario("2 downgrade, write", .curatorReadWrite, [.downgrader, .exclusive], .all, budget: 2),
        Scenario("2 downgrade, read", .curatorReadWrite, [.downgrader, .reader], .all, budget: 2),
        Scenario("2 upgrade, write", .curatorReadWrite, [.upgrader, .exclusive], .all, budget: 1),
        Scenario("2 upgrade, upgrade", .curatorReadWrite, [.upgrader, .upgrader], .all, budget: 1),
        Scenario("2 elect twice, elect", .curatorLatch, [.leader, .exclusive], .all, budget: 2),
        Scenario("2 elect twice, twice", .curatorLatch, [.leader, .leader], .all, budget: 1),
        Scenario("3 lock", .curator, [.exclusive, .exclusive, .exclusive], .all, budget: 1),
        Scenario(
            "3 write, read, read", .curatorReadWrite, [.exclusive, .reader, .reader], .all, budget: 1),
        Scenario(
            "3 downgrade, write, read", .curatorReadWrite, [.downgrader, .exclusive, .reader], .operators, budget: 1),
        Scenario("3 elect", .curatorLatch, [.leader, .exclusive, .exclusive], [.operators, .leave], budget: 1),
    ]

    /// For random histories.
    package static let crowds: [Scenario] = [
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
