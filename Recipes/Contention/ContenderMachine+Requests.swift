// SPDX-License-Identifier: Apache-2.0

package import ZooKeeper

// What an action asks of the servers, and what their answers mean. Pure: the driver of a contender uses it, and the model
// check does.

extension ContenderMachine {
    /// The settings that all requests of a contender share.
    package struct Context: Sendable {
        package var directory: ZNodePath
        package var dialect: LineDialect
        package var kind: ContenderKind
        package var data: [UInt8]
        package var accessControl: AccessControl
        package var directoryAccessControl: AccessControl
        package var ancestorAccessControl: AccessControl

        package init(
            directory: ZNodePath, dialect: LineDialect, kind: ContenderKind, data: [UInt8],
            accessControl: AccessControl,
            directoryAccessControl: AccessControl = .open, ancestorAccessControl: AccessControl = .open
        ) {
            self.directory = directory
            self.dialect = dialect
            self.kind = kind
            self.data = data
            self.accessControl = accessControl
            self.directoryAccessControl = directoryAccessControl
            self.ancestorAccessControl = ancestorAccessControl
        }
    }

    /// The answer to one request.
    package typealias Answer = Result<Response.Kind, Failure>
}

/// A node of the queue that a contender watches.
package enum WatchedNode: Sendable, Hashable {
    /// The nearest in its way.
    case blocker(String)
    /// The one in front of that.
    case second(String)
    case own(String)

    package var name: String {
        switch self {
        case .blocker(let name), .second(let name), .own(let name): name
        }
    }

    package var isOwn: Bool {
        if case .own = self { return true }
        return false
    }

    /// The change of this node, as the contender is told of it.
    package func changed(isGone: Bool, connection: Int) -> ContenderMachine.Event {
        switch self {
        case .blocker(let name), .second(let name): .blockerChanged(name, isGone: isGone, connection: connection)
        case .own(let name): .ownChanged(name, isGone: isGone)
        }
    }

    /// Tells whether its watch takes the place of the one on `old`: there is one of each kind, and the second may become
    /// the nearest.
    package func replaces(_ old: WatchedNode) -> Bool {
        switch (self, old) {
        case (.blocker, .blocker), (.second, .second), (.own, .own): true
        case (.blocker(let name), .second(let second)): name == second
        default: false
        }
    }
}

extension ContenderMachine.Action {
    /// The requests of the action, which go out as one pipeline; none if it asks nothing of the servers.
    package func requests(in context: ContenderMachine.Context) -> [Request] {
        let directory = context.directory
        switch self {
        case .probe, .list(syncs: false): return [GetChildren(directory).makeRequest()]
        case .list(syncs: true): return [Sync(directory).makeRequest(), GetChildren(directory).makeRequest()]
        case .watch: return watchedNodes.compactMap(\.self).map { GetData(directory.child($0.name)).makeRequest() }
        case .relist(let own):
            return [GetChildren(directory).makeRequest(), GetData(directory.child(own)).makeRequest()]
        case .check(let own): return [Exists(directory.child(own)).makeRequest()]
        case .enqueue(let guid, let createsParents, let old):
            let create = Create(
                directory.child(context.dialect.prefix(for: guid, context.kind)), data: context.data,
                mode: .ephemeralSequential, accessControl: context.accessControl)
            let list = GetChildren(directory).makeRequest()
            // Those that wait for the old node go on, and there is no moment at which neither is there.
            if let old, isExchange {
                return [TransactionList([Delete(directory.child(old)), create]).makeRequest(), list]
            }
            if !createsParents { return [create.makeRequest(), list] }
            let mode: CreateMode = context.dialect.makesContainers ? .container : .persistent
            var parents = directory.ancestors.map { ancestor in
                Create(ancestor, mode: mode, accessControl: context.ancestorAccessControl)
            }
            // To delete a node is a right on its directory.
            if !directory.isRoot {
                parents.append(Create(directory, mode: mode, accessControl: context.directoryAccessControl))
            }
            return parents.map { $0.makeRequest() } + [create.makeRequest(), list]
        case .backOff, .grant, .lose, .delete, .resolveCreate, .fail: return []
        }
    }

    /// For each request, the node whose watch it sets.
    package var watchedNodes: [WatchedNode?] {
        switch self {
        case .watch(let blocker, let second, let own):
            [blocker.map { .blocker($0) }, second.map { .second($0) }, own.map { .own($0) }].filter { $0 != nil }
        case .relist(let own): [nil, .own(own)]
        default: []
        }
    }

    /// The same action without the second watch, which is the first to be given up.
    package var withoutSecond: Self {
        guard case .watch(let blocker, _?, let own) = self else { return self }
        return .watch(blocker: blocker, own: own)
    }

    /// Tells whether its requests are sent again for as long as the session lives.
    package var isRepeated: Bool {
        switch self {
        case .list, .check: true
        default: false
        }
    }

    private var isExchange: Bool {
        if case .enqueue(_, createsParents: false, replacing: _?) = self { return true }
        return false
    }

    // MARK: Answers

    /// The meaning of the answers to ``requests(in:)``.
    package func event(from answers: PipelineAnswers) -> ContenderMachine.Event {
        let connection = answers.connection
        switch self {
        case .probe: return .probed(answers[0].names)
        case .list(syncs: false): return .listed(answers[0].names, connection: connection)
        case .list(syncs: true): return .listed(answers.syncedNames, connection: connection)
        case .relist: return .relisted(answers[0].names, own: answers[1].czxid, connection: connection)
        case .watch(let blocker, let second, let own):
            return .watched(
                blocker: blocker == nil ? nil : answers[0].czxid,
                second: second == nil ? nil : answers[blocker == nil ? 0 : 1].czxid,
                own: own == nil ? nil : answers[answers.count - 1].czxid, connection: connection)
        case .check:
            switch answers[0] {
            case .success: return .checked(.success(true))
            case .failure(let failure) where failure.code == .noNode: return .checked(.success(false))
            case .failure(let failure): return .checked(.failure(failure))
            }
        case .enqueue:
            return .enqueued(
                create: answers[answers.count - 2].created, list: answers[answers.count - 1].names,
                parents: answers.missingParent, connection: connection)
        case .backOff, .grant, .lose, .delete, .resolveCreate, .fail:
            preconditionFailure("\(self) asks nothing of the servers")
        }
    }

    /// The event that takes the place of ``event(from:)`` if the caller has left before anything was sent.
    package static func withdrawn(over connection: Int) -> ContenderMachine.Event {
        let failure = ContenderMachine.Failure(.cancelled, .notSent)
        return .enqueued(create: .failure(failure), list: .failure(failure), parents: nil, connection: connection)
    }
}

extension PipelineAnswers {
    /// The reason why there is no directory, from the answers to the creates of its ancestors, of itself and of my node:
    /// the failure without whose node the next one could not be made. That of an ancestor which is there does not matter:
    /// the servers look at permissions first.
    fileprivate var missingParent: ContenderMachine.Failure? {
        for index in 0..<(count - 2) {
            guard case .failure(let failure) = self[index], failure.code != .nodeExists,
                case .failure(let consequence) = self[index + 1], consequence.code == .noNode
            else { continue }
            return failure
        }
        return nil
    }
}

extension ContenderMachine.Answer {
    fileprivate var names: Result<ChildNames, ContenderMachine.Failure> {
        flatMap { if case .children(let names, _) = $0 { .success(names) } else { .mismatch } }
    }

    fileprivate var czxid: Result<Zxid, ContenderMachine.Failure> {
        flatMap { if case .node(let node) = $0 { .success(node.stat.czxid) } else { .mismatch } }
    }

    /// A create's, or that of a transaction that ends with one, whose czxid the servers do not tell.
    fileprivate var created: Result<ContenderMachine.Created, ContenderMachine.Failure> {
        flatMap { response in
            switch response {
            case .created(let path, let stat?): return .success(.init(name: path.name, czxid: stat.czxid))
            case .transaction(let steps):
                guard case .created(let path, _)? = steps.last else { return .mismatch }
                return .success(.init(name: path.name, czxid: nil))
            default: return .mismatch
            }
        }
    }
}

extension Result where Failure == ContenderMachine.Failure {
    /// The servers have answered something else than was asked.
    fileprivate static var mismatch: Self { .failure(.init(.protocolViolation, .unknown)) }
}
