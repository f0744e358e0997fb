// SPDX-License-Identifier: Apache-2.0

import ZooKeeperRecipes

// One more kind of event, each in scenarios of its own: requests that the servers refuse, an owner that closes its
// client, several contenders in one session, pipelines over two connections, a deadline that does not come back.

extension Scenario {
    static let shortEdges: [Scenario] = [
        Scenario("one: throttled", .curator, [.exclusive], [.throttle, .cut, .leave], budget: 2),
        Scenario("two: throttled", .curator, [.exclusive, .exclusive], .throttle, budget: 1),
        Scenario("one: denied", .curator, [.exclusive], [.leave, .cut, .expire, .close], budget: 2, isDenied: true),
        Scenario(
            "two in one: denied", .curator, [.exclusive, .exclusive], .leave, budget: 1, isDenied: true,
            sessions: [0, 0]),
        Scenario("one: closed", .curator, [.exclusive], [.close, .cut, .expire], budget: 2),
        Scenario("two: closed", .curator, [.exclusive, .exclusive], .close, budget: 1),
        Scenario("two in one: closed", .curator, [.exclusive, .exclusive], .close, budget: 1, sessions: [0, 0]),
        Scenario("two in one: lock", .curator, [.exclusive, .exclusive], .leave, budget: 1, sessions: [0, 0]),
        Scenario("one: split", .curator, [.exclusive], [.cutLate, .split, .lag], budget: 2),
        Scenario("one: moved", .curator, [.exclusive], [.cut, .cutLate, .move, .lag, .delete], budget: 2),
        Scenario("two: moved", .curator, [.exclusive, .exclusive], [.cut, .move], budget: 1),
        Scenario("one: deadline stays past", .curator, [.exclusive], [.overdueForLong, .cut], budget: 2),
        Scenario("one: downgrade", .curatorReadWrite, [.downgrader], [.cut, .cutLate, .throttle], budget: 2),
        Scenario("one: own node looked at", .curator, [.unwatching], [.holdForLong, .delete], budget: 2),
        Scenario("one: created twice", .curator, [.exclusive], [.createTwice, .throttle, .close], budget: 2),
        Scenario("one: creates lost", .curator, [.exclusive], .cut, budget: 5),
    ]

    static let longEdges: [Scenario] = [
        Scenario("1 throttled", .curator, [.exclusive], [.throttle, .cut, .leave, .holdForLong], budget: 3),
        Scenario("1 elect, throttled", .curatorLatch, [.leader], [.throttle, .cut, .leave], budget: 2),
        Scenario("2 throttled", .curator, [.exclusive, .exclusive], [.throttle, .cut, .leave], budget: 1),
        Scenario("2 throttled twice", .curator, [.exclusive, .exclusive], .throttle, budget: 2),
        Scenario("2 write, read, throttled", .curatorReadWrite, [.exclusive, .reader], .throttle, budget: 1),
        Scenario(
            "1 denied", .curator, [.exclusive], [.leave, .cut, .expire, .close, .throttle], budget: 3, isDenied: true),
        Scenario("1 elect, denied", .curatorLatch, [.leader], [.leave, .cut, .close], budget: 2, isDenied: true),
        Scenario(
            "1 downgrade, denied", .curatorReadWrite, [.downgrader], [.cut, .close], budget: 2, isDenied: true),
        Scenario("2 denied", .curator, [.exclusive, .exclusive], [.leave, .expire], budget: 1, isDenied: true),
        Scenario(
            "2 in one, denied", .curator, [.exclusive, .exclusive], [.leave, .cut, .expire, .close], budget: 1,
            isDenied: true, sessions: [0, 0]),
        Scenario(
            "3 in two, denied", .curator, [.exclusive, .exclusive, .exclusive], [], budget: 0, isDenied: true,
            sessions: [0, 0, 1]),
        Scenario("1 closed", .curator, [.exclusive], [.close, .cut, .cutLate, .expire, .leave, .delete], budget: 3),
        Scenario("1 elect, closed", .curatorLatch, [.leader], [.close, .cut, .expire], budget: 2),
        Scenario("1 downgrade, closed", .curatorReadWrite, [.downgrader], [.close, .cut, .cutLate], budget: 2),
        Scenario("2 closed", .curator, [.exclusive, .exclusive], [.close, .cut, .expire], budget: 2),
        Scenario("2 write, read, closed", .curatorReadWrite, [.exclusive, .reader], .close, budget: 1),
        Scenario(
            "3 in two, closed", .curator, [.exclusive, .exclusive, .exclusive], .close, budget: 1, sessions: [0, 0, 1]),
        Scenario(
            "2 in one, common faults", .curator, [.exclusive, .exclusive], common, budget: 1, sessions: [0, 0]),
        Scenario("2 in one, try", .curator, [.exclusive, .attempt], [.cut, .leave], budget: 1, sessions: [0, 0]),
        Scenario(
            "2 in one, write, read", .curatorReadWrite, [.exclusive, .reader], [.cut, .expire, .leave], budget: 1,
            sessions: [0, 0]),
        Scenario("3 in two", .curator, [.exclusive, .exclusive, .exclusive], .cut, budget: 1, sessions: [0, 0, 1]),
        Scenario("1 split", .curator, [.exclusive], [.cutLate, .cut, .split, .lag, .leave], budget: 3),
        Scenario("2 split", .curator, [.exclusive, .exclusive], [.split, .lag], budget: 1),
        Scenario("2 lag", .curator, [.exclusive, .exclusive], [.cut, .lag, .delete], budget: 2),
        Scenario("2 write, read, split", .curatorReadWrite, [.exclusive, .reader], [.split, .lag], budget: 1),
        Scenario(
            "1 moved", .curator, [.exclusive], [.connection, .move, .lag, .delete, .leave, .throttle, .close], budget: 3
        ),
        Scenario("2 moved", .curator, [.exclusive, .exclusive], [.cut, .move, .delete], budget: 2),
        Scenario("2 moved late", .curator, [.exclusive, .exclusive], [.cutLate, .move], budget: 1),
        Scenario("2 moved, left", .curator, [.exclusive, .exclusive], [.cut, .move, .leave], budget: 2),
        Scenario("2 write, read, moved", .curatorReadWrite, [.exclusive, .reader], [.cut, .move, .delete], budget: 2),
        Scenario(
            "3 in order, moved", .curator, [.exclusive, .exclusive, .exclusive], [.cut, .move, .delete, .leave],
            budget: 2, joinsInOrder: true),
        Scenario("1 deadline stays past", .curator, [.exclusive], [.overdueForLong, .cut, .leave], budget: 3),
        Scenario(
            "2 deadline stays past", .curator, [.exclusive, .exclusive], [.overdueForLong, .expire], budget: 2),
        Scenario("1 downgrade", .curatorReadWrite, [.downgrader], [.connection, .throttle], budget: 2),
        Scenario(
            "2 downgrade, write, lost", .curatorReadWrite, [.downgrader, .exclusive], [.cut, .cutLate], budget: 1),
    ]
}
