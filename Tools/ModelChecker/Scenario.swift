package import ZooKeeperRecipes

/// Who takes part in one check, where, and what may go wrong.
package struct Scenario: Sendable {
    /// What one client wants.
    package struct Part: Sendable, Hashable {
        package var policy = ContentionPolicy.exclusive
        package var mode = ContenderMachine.Mode.wait
        /// How often it leads before it leaves; in between it stands again, in one transaction.
        package var terms = 1
        /// Whether it goes on as a reader when it has written.
        package var downgrades = false
        /// Whether it tries to write while it reads.
        package var upgrades = false

        package static let exclusive = Part()
        package static let reader = Part(policy: .shared)
        package static let attempt = Part(mode: .attempt)
        package static let leader = Part(terms: 2)
        package static let downgrader = Part(downgrades: true)
        package static let upgrader = Part(policy: .shared, upgrades: true)

        /// Whether it looks at its own node instead of watching it: its session watches as many paths as it can.
        package var cannotWatch = false
        package static let unwatching = Part(cannotWatch: true)
    }

    package var name: String
    package var dialect = LineDialect.curator
    package var parts: [Part]
    package var faults: Faults
    /// How many faults may happen in one history.
    package var budget: Int
    /// Children of the directory that have nothing to do with the line. (One that begins like our nodes, too.)
    package var foreign: [String] = []
    /// Whether the directory is there from the start.
    package var isFresh = false
    /// Whether nobody may delete in the directory at first.
    package var isDenied = false
    /// In which session each part is; `nil` if each has its own.
    package var sessions: [Int]?

    package init(
        _ name: String, _ dialect: LineDialect, _ parts: [Part], _ faults: Faults, budget: Int,
        foreign: [String] = [], isFresh: Bool = false, isDenied: Bool = false, sessions: [Int]? = nil
    ) {
        self.name = name
        self.dialect = dialect
        self.parts = parts
        self.faults = faults
        self.budget = budget
        self.foreign = foreign
        self.isFresh = isFresh
        self.isDenied = isDenied
        self.sessions = sessions
    }

    /// The parts of each session.
    var partsBySession: [[Part]] {
        guard let sessions else { return parts.map { [$0] } }
        return (0...(sessions.max() ?? 0)).map { session in
            zip(parts, sessions).filter { $0.1 == session }.map(\.0)
        }
    }

    /// The kinds of things that may happen without anybody of the line doing them.
    package struct Faults: OptionSet, Sendable, Hashable {
        package let rawValue: Int

        package init(rawValue: Int) { self.rawValue = rawValue }

        /// A connection is lost, with everything that is on its way in either direction.
        package static let cut = Faults(rawValue: 1 << 0)
        /// A connection is lost for the client, but what it has sent may be executed yet, even after it has come back.
        package static let cutLate = Faults(rawValue: 1 << 1)
        /// The server ends a session.
        package static let expire = Faults(rawValue: 1 << 2)
        /// A client gives its session up while the server keeps it for a while.
        package static let abandon = Faults(rawValue: 1 << 3)
        /// The lease runs out.
        package static let overdue = Faults(rawValue: 1 << 4)
        /// What waits for a connection waits too long.
        package static let expireHeld = Faults(rawValue: 1 << 5)
        /// A caller is cancelled, or its time is up.
        package static let leave = Faults(rawValue: 1 << 6)
        /// An operator deletes a node.
        package static let delete = Faults(rawValue: 1 << 7)
        /// An operator deletes two nodes in one transaction.
        package static let deleteTwo = Faults(rawValue: 1 << 8)
        /// Somebody writes to a node, as Curator does to ask for a lock.
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

        package static let connection: Faults = [.cut, .cutLate, .expire, .abandon, .overdue, .expireHeld]
        package static let operators: Faults = [.delete, .deleteTwo, .write, .reap]
        package static let all: Faults = [.connection, .operators, .leave, .holdForLong]
    }
}
