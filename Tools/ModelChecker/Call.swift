import ZooKeeper
import ZooKeeperRecipes

// The requests of clients and the answers of servers.

struct Pipeline: Hashable {
    enum Kind: Hashable {
        case probe
        case enqueue(isExchange: Bool)
        case list
        case syncedList
        case watch(blocker: String?, second: String?, own: String?)
        case relist
        case check
    }

    var kind: Kind
    var answers: [Answer?]
    var synced = SyncedAnswers()
}

/// The two answers of a list behind a sync, which together say what the children are.
struct SyncedAnswers: Hashable {
    private var sync: Answer?
    /// The connection over which the sync was answered.
    private var syncedOver: Int?
    private var list: Answer?
    /// `true` if the list was answered behind the sync, by the same connection: only then the sync says anything about
    /// it.
    private var isBehind = false

    /// The list, when both have been answered.
    var result: Answer? {
        guard let sync, let list else { return nil }
        if case .failure = sync { return sync }
        if case .failure = list { return list }
        return isBehind ? list : .failure(.init(.connectionLoss, .notSent))
    }

    /// Takes in one of the answers.
    mutating func add(_ answer: Answer, isSync: Bool, _ connection: Int) {
        if isSync {
            // A sync that follows its list by the same connection was sent again.
            isBehind = ModelFlaw.listsCountBeforeTheirSync.isPlanted && syncedOver == connection
            sync = answer
        } else {
            isBehind = sync != nil && syncedOver == connection
            list = answer
        }
        syncedOver = connection
        if ModelFlaw.listsCountWithoutTheirSync.isPlanted { isBehind = true }
    }
}

/// A request to the server. Names are those of children of the directory.
enum Operation: Hashable {
    case createDirectory
    case create(prefix: String)
    case exchange(old: String, prefix: String)
    case downgrade(writer: String, reader: String)
    case list
    case sync
    case get(String)
    case exists(String)
    case delete(String)

    var isWrite: Bool {
        switch self {
        case .createDirectory, .create, .exchange, .downgrade, .delete: true
        case .list, .sync, .get, .exists: false
        }
    }

    /// `true` if it adds a node to the queue.
    var joins: Bool {
        switch self {
        case .create, .exchange, .downgrade: true
        default: false
        }
    }
}

/// The owner of a watch. One without an owner is `released`.
enum Watcher: Hashable {
    case released
    case blocker
    case second
    case own
}

struct Call: Hashable {
    enum Purpose: Hashable {
        case pipeline(actor: Int, slot: Int, index: Int)
        /// The janitor's delete, for the driver of this actor.
        case removal(slot: Int?)
        /// The janitor's synced list.
        case look(Int, isSync: Bool)
        case downgrade(caller: Int)
        case ignored
    }

    var operation: Operation
    var purpose: Purpose
    var watcher = Watcher.released
    /// `true` if it is sent again when its connection is lost, for as long as the session lives.
    var staysUntilSessionEnds = false
    /// `true` if it is sent again within the request time-out.
    var isRepeated = false
    var isUrgent = false

    var actor: Int? {
        if case .pipeline(let actor, _, _) = purpose { return actor }
        return nil
    }
}

enum Answer: Hashable {
    case failure(ContenderMachine.Failure)
    case created(String)
    case names([String])
    case read(String)
    case done

    /// `true` if an answer like this, to a write or a sync, shows that the leader has processed it.
    var provesLeader: Bool {
        guard case .failure(let failure) = self else { return true }
        return failure.code == .noNode || failure.code == .nodeExists
    }

    static let throttled = Answer.failure(.init(.throttled, .refused))
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
