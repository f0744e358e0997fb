import ZooKeeper
import ZooKeeperRecipes

/// A client and its session, as far as the recipes can see them, and those who ask for the lock in it.
struct Client {
    let index: Int
    var callers: [Caller]
    /// Two for each caller; the second is a reader's attempt to write.
    var actors: [Actor?]

    // The session.
    var session = SessionID(rawValue: 0)
    /// The server's number of the connection; `nil` while there is none.
    var link: Int?
    /// Which of the session's connections this is, counted from 1.
    var connection = 1
    var isOverdue = false
    /// Whether the deadline of leases stays in the past, whatever is answered.
    var staysOverdue = false
    /// During the news that it is over.
    var isSessionOver = false
    /// How far its owner has got with closing it.
    var closing = SessionClosing()
    /// Whether contenders have yet to hear of that; and whether the session has yet to be told to end when nothing is held.
    var owesNotice = false
    var owesClose = false
    /// Whether the owner has ended it: nothing comes after it.
    var isClosed = false
    /// Whether that ended a session that was alive and in time.
    var wasEndedByOwner = false
    /// What was sent and is not answered; the first `executed` have been executed.
    var sent: [Call] = []
    var executed = 0
    var inbox: [Message] = []
    // What waits for a connection.
    var urgent: [[Call]] = []
    var again: [[Call]] = []
    var waiting: [[Call]] = []
    /// What an old connection may yet bring to the server.
    var late: [Operation] = []
    var oldLink: Int?
    /// The last transaction it has seen.
    var seen = Zxid(rawValue: 0)
    var watches: [Watching] = []
    /// What the server keeps for this connection.
    var watchedByServer: Set<String> = []
    /// The state of the server it is connected to, if that one lags behind.
    var behind: World.Past?
    /// What it watches there, and up to which transaction it has seen everything of it.
    var lagWatches: [String: Zxid] = [:]

    // The janitor.
    var unresolvedCreates: Set<String> = []
    var looksAgain = false
    var looks: [SyncedAnswers?] = []
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

    static func letter(_ index: Int) -> String { String(UnicodeScalar(UInt8(65 + index))) }

    var letter: String { Self.letter(index) }

    mutating func makeGUID() -> String {
        defer { guids += 1 }
        return letter + String(guids, radix: 36)
    }

    var isDone: Bool { callers.allSatisfy(\.isDone) }
}

/// One who asks for the lock, in the session of its client.
struct Caller: Hashable {
    enum Stage: Hashable {
        case idle
        /// No node that cannot be removed is known to be in the way; is about to join.
        case joining
        case waiting
        case holding
        /// Reads, and tries to write.
        case upgrading
        /// Reads and writes.
        case upgraded
        /// Has written, and asks to go on as a reader.
        case downgrading(Downgrading)
        case done(End)
    }

    /// How far a writer has got that becomes a reader.
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
        /// An attempt found somebody in the way.
        case busy
        /// The session is being closed.
        case closed
        /// A node of this client cannot be removed.
        case blocked
        /// Its own node cannot be removed.
        case refused
    }

    var part: Scenario.Part
    var stage = Stage.idle
    var wasGranted = false
    /// What keeps the session open for the place that is being exchanged for a new one.
    var oldHold: Int?

    init(_ part: Scenario.Part) { self.part = part }

    var isHolding: Bool { stage == .holding || stage == .upgrading || stage == .upgraded }

    var isDone: Bool {
        if case .done = stage { return true }
        return false
    }
}

/// One place in line: a machine and what its driver keeps.
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
    /// Whether it is to notice that its node is gone: it is watched, or a watch has been asked for.
    var isGuarded = false
    /// Nodes of this attempt that once stood first in line, nobody in their way.
    var wereFirst: Set<String> = []
    /// What keeps the session open while it is held: until the body is over and the node is gone.
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
    /// Whose driver hears of its outcome.
    var slot: Int?
    /// Whether it was refused, and not only put off.
    var isRefused: Bool
}
