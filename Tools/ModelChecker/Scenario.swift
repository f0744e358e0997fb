// SPDX-License-Identifier: Apache-2.0

package import ZooKeeperRecipes

/// One check: its contenders, their sessions, the directory, and the faults that may happen.
package struct Scenario: Sendable {
    /// The role of one contender.
    package struct Role: Sendable, Hashable {
        package var policy = ContentionPolicy.exclusive
        package var mode = ContenderMachine.Mode.wait
        /// The number of times that it leads before it leaves; in between it is requeued, in one transaction.
        package var terms = 1
        /// `true` if it goes on as a reader when it has written.
        package var downgrades = false
        /// `true` if it tries to write while it reads.
        package var upgrades = false

        package static let exclusive = Role()
        package static let reader = Role(policy: .shared)
        package static let attempt = Role(mode: .attempt)
        package static let leader = Role(terms: 2)
        package static let downgrader = Role(downgrades: true)
        package static let upgrader = Role(policy: .shared, upgrades: true)

        /// `true` if it reads its own node instead of watching it: its session watches as many paths as it can.
        package var cannotWatch = false
        package static let unwatching = Role(cannotWatch: true)
    }

    package var name: String
    package var dialect = LineDialect.curator
    package var roles: [Role]
    package var faults: Faults
    /// The number of faults that may happen in one history.
    package var budget: Int
    /// Children of the directory that are no contenders. (Also one that begins like our nodes.)
    package var foreign: [String] = []
    /// `true` if the directory does not exist at the start.
    package var isFresh = false
    /// `true` if no client may delete in the directory at first.
    package var isDenied = false
    /// The session of each role; `nil` if each has its own.
    package var sessions: [Int]?
    /// `true` if the clients join one after the other, and all else happens when they have: what happens behind several.
    package var joinsInOrder = false

    package init(
        _ name: String, _ dialect: LineDialect, _ roles: [Role], _ faults: Faults, budget: Int,
        foreign: [String] = [], isFresh: Bool = false, isDenied: Bool = false, sessions: [Int]? = nil,
        joinsInOrder: Bool = false
    ) {
        self.name = name
        self.dialect = dialect
        self.roles = roles
        self.faults = faults
        self.budget = budget
        self.foreign = foreign
        self.isFresh = isFresh
        self.isDenied = isDenied
        self.sessions = sessions
        self.joinsInOrder = joinsInOrder
    }

    /// The roles of each session.
    var rolesBySession: [[Role]] {
        guard let sessions else { return roles.map { [$0] } }
        return (0...(sessions.max() ?? 0)).map { session in
            zip(roles, sessions).filter { $0.1 == session }.map(\.0)
        }
    }

    /// The kinds of events that may happen without a contender's doing.
    package struct Faults: OptionSet, Sendable, Hashable {
        package let rawValue: Int

        package init(rawValue: Int) { self.rawValue = rawValue }

        /// A connection is lost, with all messages that are on their way in either direction.
        package static let cut = Faults(rawValue: 1 << 0)
        /// A connection is lost for the client, but the requests it has sent may be executed yet, even after it has
        /// come back.
        package static let cutLate = Faults(rawValue: 1 << 1)
        /// The server ends a session.
        package static let expire = Faults(rawValue: 1 << 2)
        /// A client gives its session up while the server keeps it for a while.
        package static let abandon = Faults(rawValue: 1 << 3)
        /// The lease runs out.
        package static let overdue = Faults(rawValue: 1 << 4)
        /// A request waits too long for a connection.
        package static let expireHeld = Faults(rawValue: 1 << 5)
        /// A caller is cancelled, or its time is up.
        package static let leave = Faults(rawValue: 1 << 6)
        /// An operator deletes a node.
        package static let delete = Faults(rawValue: 1 << 7)
        /// An operator deletes two nodes in one transaction.
        package static let deleteTwo = Faults(rawValue: 1 << 8)
        /// Another client writes to a node, as Curator does to request revocation.
        package static let write = Faults(rawValue: 1 << 9)
        /// The server removes the directory as an empty container.
        package static let reap = Faults(rawValue: 1 << 10)
        /// The hold is long, so that the own node is watched.
        package static let holdForLong = Faults(rawValue: 1 << 11)
        /// A create is executed twice.
        package static let createTwice = Faults(rawValue: 1 << 12)

        /// A connection is lost, and before it is back an operator deletes the first two nodes in one transaction.
        package static let missed = Faults(rawValue: 1 << 13)

        /// The servers answer that they have too much to do.
        package static let throttle = Faults(rawValue: 1 << 14)
        /// The owner of a client closes it.
        package static let close = Faults(rawValue: 1 << 15)
        /// The lease runs out, and the deadline stays in the past although syncs are answered.
        package static let overdueForLong = Faults(rawValue: 1 << 16)
        /// A pipeline is split over two connections.
        package static let split = Faults(rawValue: 1 << 17)
        /// The next server may lag behind, but not behind what the client has seen. Takes nothing of the budget.
        package static let lag = Faults(rawValue: 1 << 18)

        /// A client may come back through a new handle, at other addresses. Takes nothing of the budget.
        package static let move = Faults(rawValue: 1 << 19)

        package static let connection: Faults = [.cut, .cutLate, .expire, .abandon, .overdue, .expireHeld]
        package static let operators: Faults = [.delete, .deleteTwo, .write, .reap]
        package static let all: Faults = [.connection, .operators, .leave, .holdForLong]
    }
}
