// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

/// A client and its session, as far as the recipes can see them, and its callers.
struct Client {
    let index: Int
    var callers: [Caller]
    /// The contenders, two for each caller; the second is a reader's attempt to write.
    var actors: [Actor?]

    // The session.
    var session = SessionID(rawValue: 0)
    /// The server's number of the connection; `nil` while there is none.
    var link: Int?
    /// The number of the session's connection, counted from 1.
    var connection = 1
    var isOverdue = false
    /// `true` while the deadline of leases stays in the past, although requests are answered.
    var staysOverdue = false
    /// `true` while contenders are told that it is over.
    var isSessionOver = false
    /// The progress of its owner in closing it.
    var closing = SessionClosing()
    /// `true` if contenders have yet to be told of that.
    var owesNotice = false
    /// `true` if the session has yet to be told to end as soon as nothing is held.
    var owesClose = false
    /// `true` if the owner has ended it: no session comes after it.
    var isClosed = false
    /// `true` if that ended a session that was alive and in time.
    var wasEndedByOwner = false
    /// Calls that were sent and are not answered; the first `executed` have been executed.
    var sent: [Call] = []
    var executed = 0
    var inbox: [Message] = []
    // Calls that wait for a connection.
    var urgent: [[Call]] = []
    var again: [[Call]] = []
    var waiting: [[Call]] = []
    /// Operations that an old connection may yet bring to the server.
    var late: [Query] = []
    var oldLink: Int?
    /// The last transaction it has seen.
    var seen = Zxid(rawValue: 0)
    var watches: [Watching] = []
    /// The watches that the server keeps for this connection.
    var watchedByServer: Set<String> = []
    /// The state of the server it is connected to, if that one lags behind.
    var behind: World.Past?
    /// Set while it goes on through a new handle, and is not done with that.
    var catchUp: CatchUp?
    /// The nodes whose watches the new handle does not have yet.
    var stale: Set<String> = []
    /// The nodes that it watches there, each with the last transaction up to which it has seen all changes.
    var lagWatches: [String: Zxid] = [:]

    // The janitor.
    var unresolvedCreates: Set<String> = []
    var looksAgain = false
    var looks: [PipelineAnswers?] = []
    /// Removals that are tried again later.
    var removals: [Removal] = []
    /// Nodes of this client that the servers refuse to remove.
    var leftovers: Set<String> = []
    var guids = 0

    init(_ index: Int, _ callers: [Caller]) {
        self.index = index
        self.callers = callers
        actors = Array(repeating: nil, count: 2 * callers.count)
    }

    struct CatchUp: Hashable {
        var isSynced: Bool
        /// The watches are set again in the other order.
        var isReversed: Bool
    }

    static func letter(_ index: Int) -> String { String(UnicodeScalar(UInt8(65 + index))) }

    var letter: String { Self.letter(index) }

    /// The guid of the contender that joins next.
    var nextGUID: String { letter + String(guids, radix: 36) }

    var isDone: Bool { callers.allSatisfy(\.isDone) }
}

/// A caller that acquires the lock, in the session of its client.
struct Caller: Hashable {
    enum Phase: Hashable {
        case idle
        /// It has found no leftover in the way, and is about to join.
        case joining
        case waiting
        case holding
        /// It reads, and tries to write.
        case upgrading
        /// It reads and writes.
        case upgraded
        /// It has written, and asks to go on as a reader.
        case downgrading(Downgrading)
        case done(End)
    }

    /// The progress of a writer that becomes a reader.
    struct Downgrading: Hashable {
        enum Step: Hashable {
            case exchanging
            /// The answer was lost.
            case syncing
            case looking
            /// The servers were too busy.
            case pausing
        }

        var step = Step.exchanging
        var grant: ContenderMachine.Grant
        var reader: String
    }

    enum End: Hashable {
        case released
        case left
        case lost
        case failed
        /// An attempt found another contender in the way.
        case busy
        /// The session is being closed.
        case closed
        /// A node of this client cannot be removed.
        case blocked
        /// Its own node cannot be removed.
        case refused
    }

    var role: Scenario.Role
    var phase = Phase.idle
    var wasGranted = false
    /// The hold that keeps the session open for the node that is being exchanged for a new one.
    var oldHold: Int?

    init(_ role: Scenario.Role) { self.role = role }

    var isHolding: Bool { phase == .holding || phase == .upgrading || phase == .upgraded }

    var isDone: Bool {
        if case .done = phase { return true }
        return false
    }
}

/// One contender: a machine and the state of its driver.
struct Actor: Hashable {
    var machine: ContenderMachine
    let policy: ContentionPolicy
    /// The reader's node of a client that tries to write.
    let companion: String?
    /// The answers that are being collected.
    var pipelines: [Pipeline?] = []
    /// Actions that are taken later.
    var putOff: [[ContenderMachine.Action]] = []
    var enqueuing: Int?
    var guid: String?
    var grant: ContenderMachine.Grant?
    /// `true` if it must notice the removal of its node: it is watched, or a watch has been asked for.
    var isGuarded = false
    /// Nodes of this contender that were once first in the queue, with none in their way.
    var wereFirst: Set<String> = []
    /// The hold that keeps the session open until the body is over and the node is gone.
    var hold: Int?
    var isBodyOver = false
    var isRemoved = false

    init(_ machine: ContenderMachine, _ policy: ContentionPolicy, companion: String? = nil) {
        self.machine = machine
        self.policy = policy
        self.companion = companion
    }
}

/// A removal that is to be tried again.
struct Removal: Hashable {
    var name: String
    /// The slot of the driver that is told of its result.
    var slot: Int?
    /// `true` if it was refused, and not only put off.
    var isRefused: Bool
}
