// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

// The requests of clients and the answers of servers.

/// An action whose requests are being answered.
struct Pipeline: Hashable {
    var action: ContenderMachine.Action
    var answers: PipelineAnswers
}

/// A request to the server.
struct Query: Hashable {
    let path: ZNodePath?
    let action: Action<TransactionStep>

    init(_ request: Request) {
        path = request.path
        action = request.action
    }

    /// As the server gets it.
    var request: ServerRequest {
        let request = path.map { Request($0, action) } ?? Request(action)
        return request.rooted(at: .root)
    }

    /// The name of the child of the directory that it is about.
    var name: String { path?.name ?? "" }

    var isWrite: Bool {
        switch action {
        case .create, .transaction, .delete: true
        default: false
        }
    }

    /// `true` if it adds a node to the queue.
    var joins: Bool {
        if case .transaction = action { return true }
        return createsContender
    }

    var createsContender: Bool {
        if case .create(_, .ephemeralSequential, _) = action { return true }
        return false
    }

    /// Without what is the same in all requests of a world.
    func hash(into hasher: inout Hasher) {
        hasher.combine(path?.string)
        hasher.combine(action.name)
        if case .transaction(let steps) = action { for step in steps { hasher.combine(step.path.string) } }
    }

    var text: String {
        if case .transaction(let steps) = action {
            return "transaction of \(steps.map(\.path.name).joined(separator: " and "))"
        }
        return path?.string == World.directory ? action.name : "\(action.name) \(name)"
    }
}

struct Call: Hashable {
    enum Purpose: Hashable {
        case pipeline(actor: Int, slot: Int, index: Int)
        /// The janitor's delete, for the driver of this actor.
        case removal(slot: Int?)
        /// The janitor's synced list, and which of its two requests this is.
        case look(Int, index: Int)
        case downgrade(caller: Int)
        /// The session's, by a new handle: the sync that comes first, and the reads that set watches again.
        case catchUp
        case renewal
        case ignored
    }

    var query: Query
    var purpose: Purpose
    /// The node that it watches; `nil` if it sets no watch, or its watch has been released.
    var watched: WatchedNode?
    /// `true` if it is sent again when its connection is lost, for as long as the session lives.
    var staysUntilSessionEnds = false
    /// `true` if it is sent again within the request time-out.
    var isRepeated = false
    var isUrgent = false

    init(
        _ request: Request, _ purpose: Purpose, watched: WatchedNode? = nil, staysUntilSessionEnds: Bool = false,
        isUrgent: Bool = false
    ) {
        query = Query(request)
        self.purpose = purpose
        self.watched = watched
        self.staysUntilSessionEnds = staysUntilSessionEnds
        self.isUrgent = isUrgent
    }

    var actor: Int? {
        if case .pipeline(let actor, _, _) = purpose { return actor }
        return nil
    }

    /// `true` if it belongs to the same pipeline as `other`, and comes behind it.
    func isBehind(_ other: Call) -> Bool {
        switch (purpose, other.purpose) {
        case (.pipeline(let actor, let slot, let index), .pipeline(let other, let otherSlot, let before)):
            actor == other && slot == otherSlot && index > before
        case (.look(let number, let index), .look(let other, let before)): number == other && index > before
        default: false
        }
    }
}

typealias Answer = ContenderMachine.Answer

extension Answer {
    static let throttled = Answer.failure(.init(.throttled, .refused))

    /// `true` if an answer like this, to a write or a sync, shows that the leader has processed it.
    var provesLeader: Bool {
        guard case .failure(let failure) = self else { return true }
        return failure.code == .noNode || failure.code == .nodeExists
    }

    /// `true` if it is a node that has been read.
    var isNode: Bool {
        if case .success(.node) = self { return true }
        return false
    }

    var text: String {
        switch self {
        case .failure(let failure): "\(failure.code), \(failure.execution)"
        case .success(.created(let path, _)): "created \(path.name)"
        case .success(.children(let names, _)): "[\(names.joined(separator: " "))]"
        case .success(.node), .success(.stat): "it is there"
        case .success: "done"
        }
    }
}

enum Message {
    case answer(Answer, Zxid)
    case event(String, isGone: Bool)
    case watchesSet(Zxid)
    case closed
}

struct Watching: Hashable {
    var node: WatchedNode
    var actor: Int

    var name: String { node.name }
}
