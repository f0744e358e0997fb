import ZooKeeper
import ZooKeeperRecipes

/// A client and its session, as far as the recipes can see them.
struct Client {
    enum Stage: Hashable {
        case idle
        case waiting
        case holding
        /// Reads, and tries to write.
        case upgrading
        /// Reads and writes.
        case upgraded
        case done(End)
    }

    enum End: Hashable {
        case released
        case left
        case lost
        case failed
        /// An attempt found somebody in the way.
        case busy
    }

    let index: Int
    var part: Scenario.Part
    var stage = Stage.idle
    var wasGranted = false
    /// The second is a reader's attempt to write.
    var actors: [Actor?] = [nil, nil]

    // The session.
    var session = SessionID(rawValue: 0)
    /// The server's number of the connection; `nil` while there is none.
    var link: Int?
    /// Which of the session's connections this is, counted from 1.
    var connection = 1
    var isOverdue = false
    /// During the news that it is over.
    var isSessionOver = false
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

    // The janitor.
    var strays: Set<String> = []
    var looksAgain = false
    var marks = 0

    init(_ index: Int, _ part: Scenario.Part) {
        self.index = index
        self.part = part
    }

    static func letter(_ index: Int) -> String { String(UnicodeScalar(UInt8(65 + index))) }

    var letter: String { Self.letter(index) }

    mutating func makeMark() -> String {
        defer { marks += 1 }
        return letter + String(marks, radix: 36)
    }

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
    var flights: [Flight?] = []
    var enqueuing: Int?
    var mark: String?
    var grant: ContenderMachine.Grant?
    /// Whether it is to notice that its node is gone: it is watched, or a watch has been asked for.
    var isGuarded = false
    /// Nodes of this attempt that once stood first in line, nobody in their way.
    var wereFirst: Set<String> = []

    init(_ machine: ContenderMachine, _ policy: ContentionPolicy, companion: String? = nil) {
        self.machine = machine
        self.policy = policy
        self.companion = companion
    }
}

struct Flight: Hashable {
    enum Kind: Hashable {
        case probe
        case enqueue(isExchange: Bool)
        case list
        case watch(blocker: String?, own: String?)
    }

    var kind: Kind
    var answers: [Answer?]
}

/// What a request asks of the server. Names are those of children of the directory.
enum Operation: Hashable {
    case createDirectory
    case create(prefix: String)
    case exchange(old: String, prefix: String)
    case list
    case sync
    case get(String)
    case delete(String)

    var isWrite: Bool {
        switch self {
        case .createDirectory, .create, .exchange, .delete: true
        case .list, .sync, .get: false
        }
    }

    /// Whether it adds a node to the line.
    var joins: Bool {
        switch self {
        case .create, .exchange: true
        default: false
        }
    }
}

/// Whose a watch is. One that nobody holds any more is `nobody`.
enum Watcher: Hashable {
    case nobody
    case blocker
    case own
}

struct Call: Hashable {
    enum Purpose: Hashable {
        case flight(actor: Int, slot: Int, index: Int)
        case janitor
        /// The janitor's list.
        case look
        case nobody
    }

    var operation: Operation
    var purpose: Purpose
    var watcher = Watcher.nobody
    /// Whether it is sent again when its connection is lost.
    var staysUntilSessionEnds = false
    var isUrgent = false

    var actor: Int? {
        if case .flight(let actor, _, _) = purpose { return actor }
        return nil
    }
}

enum Answer: Hashable {
    case failure(ContenderMachine.Failure)
    case created(String)
    case names([String])
    case read(String)
    case done
}

enum Message {
    case answer(Answer, Zxid)
    case event(String, isGone: Bool)
    case watchesSet(Zxid)
    case closed
}

struct Watching: Hashable {
    var name: String
    var actor: Int
    var watcher: Watcher
}
