// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

// The execution of requests. The order of the checks is the server's, since it decides which error a request gets that
// is wrong in more than one way.

extension ZooKeeperModel {
    mutating func execute(
        _ request: ServerRequest, watch: Bool, xid: Int32, from connection: ConnectionID, _ outputs: inout [Output]
    ) {
        if case .authenticate(let credential) = request.action {
            authenticate(credential, xid: xid, connection, &outputs)
            return
        }
        let result: Result<ServerResponse, ResultFailure>
        do {
            result = .success(
                request.action.isWrite
                    ? try write(request, connection, &outputs) : try read(request, watch: watch, connection))
        } catch {
            result = .failure(error)
        }
        outputs.append(.reply(connection, xid: xid, zxid: zxid, result))
    }

    // MARK: Reads

    private mutating func read(
        _ request: ServerRequest, watch: Bool, _ connection: ConnectionID
    ) throws(ResultFailure) -> ServerResponse {
        let path = request.path?.string ?? "/"
        switch request.action {
        case .exists:
            if existsNeedsRead, let node = try? tree.node(path) {
                try require(.read, by: node.accessControl, connection)
            }
            if watch { watches.insert(connection, at: path, in: .data) }
            return .stat(try tree.node(path).stat)
        case .getData:
            let node = try tree.node(path)
            try require(.read, by: node.accessControl, connection)
            if watch { watches.insert(connection, at: path, in: .data) }
            return .node(ZNode(data: node.data, stat: node.stat))
        case .getChildren:
            let node = try tree.node(path)
            try require(.read, by: node.accessControl, connection)
            if watch { watches.insert(connection, at: path, in: .children) }
            return .children(ChildNames(node.children.sorted()), node.stat)
        case .getAccessControl:
            let node = try tree.node(path)
            try require([.read, .admin], by: node.accessControl, connection)
            let isAdmin = allows(.admin, by: node.accessControl, connection)
            let entries = isAdmin ? node.accessControl : node.accessControl.map(\.withoutSecret)
            return .accessControl(AccessControl(entries), node.stat)
        case .removeWatches(let removable):
            let table: Watches.Table =
                switch removable {
                case .dataAndExistence: .data
                case .children: .children
                }
            guard watches.remove(connection, at: path, from: table) else { throw ResultFailure(.noWatcher) }
            return .done
        default: return .done
        }
    }

    // MARK: Writes

    /// Executes a request that changes the tree. One that fails takes a zxid too.
    private mutating func write(
        _ request: ServerRequest, _ connection: ConnectionID, _ outputs: inout [Output]
    ) throws(ResultFailure) -> ServerResponse {
        zxid = zxid.next
        let path = request.path?.string ?? "/"
        switch request.action {
        case .transaction(let steps): return try transaction(steps, connection, &outputs)
        case .setAccessControl(let accessControl, let version):
            let entries = try resolve(accessControl, connection)
            let node = try tree.node(path)
            try require(.admin, by: node.accessControl, connection)
            try check(version, node.aversion)
            tree.setAccessControl(path, entries)
            return .done
        // There is no ensemble to change.
        case .reconfigure: throw ResultFailure(.reconfigurationDisabled)
        default:
            guard let step = request.action.step else { throw ResultFailure(.unimplemented) }
            let (response, effect) = try perform(path, step, connection)
            if let effect { fire(effect.change, &outputs) }
            return response
        }
    }

    private mutating func transaction(
        _ steps: [ServerStep], _ connection: ConnectionID, _ outputs: inout [Output]
    ) throws(ResultFailure) -> ServerResponse {
        var responses: [ServerResponse] = []
        var effects: [Tree.Effect] = []
        for (index, step) in steps.enumerated() {
            do {
                let (response, effect) = try perform(step.path.string, step.action, connection)
                responses.append(response.inTransaction)
                if let effect { effects.append(effect) }
            } catch {
                tree.undo(effects.map(\.undo))
                throw ResultFailure(error.code, failedOperation: index)
            }
        }
        for effect in effects { fire(effect.change, &outputs) }
        return .transaction(responses)
    }

    private mutating func perform(
        _ path: String, _ step: TransactionStep.Action, _ connection: ConnectionID
    ) throws(ResultFailure) -> (ServerResponse, Tree.Effect?) {
        switch step {
        case .create(let data, let mode, let accessControl):
            return try create(path, data, mode, accessControl, connection)
        case .delete(let version):
            if Tree.special.contains(path) { throw ResultFailure(.badArguments) }
            try require(.delete, by: try tree.node(Tree.split(path).parent).accessControl, connection)
            let node = try tree.node(path)
            try check(version, node.version)
            guard node.children.isEmpty else { throw ResultFailure(.notEmpty) }
            return (.done, tree.delete(path, zxid: zxid))
        case .setData(let data, let version):
            let node = try tree.node(path)
            try require(.write, by: node.accessControl, connection)
            try check(version, node.version)
            let effect = tree.setData(path, data, zxid: zxid, time: time)
            return (.stat(try tree.node(path).stat), effect)
        case .check(let version):
            let node = try tree.node(path)
            try require(.read, by: node.accessControl, connection)
            try check(version, node.version)
            return (.done, nil)
        }
    }

    private mutating func create(
        _ requested: String, _ data: [UInt8], _ mode: CreateMode, _ accessControl: AccessControl,
        _ connection: ConnectionID
    ) throws(ResultFailure) -> (ServerResponse, Tree.Effect?) {
        var node = Node()
        node.accessControl = try resolve(accessControl, connection)
        let path = try pathOfNewNode(requested, mode, connection)
        node.data = data
        node.lifetime =
            switch mode.lifetime {
            case .persistent: .persistent
            case .ephemeral: .ephemeral(connections[connection]?.session ?? SessionID(rawValue: 0))
            case .container: .container
            case .timeToLive(let milliseconds): .timeToLive(milliseconds: milliseconds)
            }
        node.czxid = zxid
        node.mzxid = zxid
        node.pzxid = zxid
        node.ctime = time
        node.mtime = time
        return (.created(path: ServerPath(received: path), stat: node.stat), tree.create(path, node))
    }

    /// Checks the creation of a node and returns its path. A function of its own, so that no copy of the parent exists
    /// while a child is added to it: the set of its children would be copied.
    private func pathOfNewNode(
        _ requested: String, _ mode: CreateMode, _ connection: ConnectionID
    ) throws(ResultFailure) -> String {
        let parent = try tree.node(Tree.split(requested).parent)
        try require(.create, by: parent.accessControl, connection)
        let path = mode.isSequential ? requested + parent.creations.tenDigits : requested
        if tree.nodes[path] != nil { throw ResultFailure(.nodeExists) }
        if parent.isEphemeral { throw ResultFailure(.noChildrenForEphemerals) }
        return path
    }

    private func check(_ expected: Int32, _ version: Int32) throws(ResultFailure) {
        if expected != -1, expected != version { throw ResultFailure(.badVersion) }
    }
}

extension ZooKeeperModel.Tree {
    fileprivate func node(_ path: String) throws(ResultFailure) -> ZooKeeperModel.Node {
        guard let node = nodes[path] else { throw ResultFailure(.noNode) }
        return node
    }
}

extension Action {
    fileprivate var isWrite: Bool {
        switch self {
        case .create, .delete, .setData, .setAccessControl, .transaction, .reconfigure: true
        default: false
        }
    }

    /// The same request as a step of a transaction, if there is such a step.
    fileprivate var step: TransactionStep.Action? {
        switch self {
        case .create(let data, let mode, let accessControl):
            .create(data: data, mode: mode, accessControl: accessControl)
        case .delete(let version): .delete(version: version)
        case .setData(let data, let version): .setData(data: data, version: version)
        default: nil
        }
    }
}

extension ResponseKind {
    /// The response as part of the reply to a transaction, in which the server leaves out the stat of a created node.
    fileprivate var inTransaction: ResponseKind {
        if case .created(let path, _) = self { return .created(path: path, stat: nil) }
        return self
    }
}

extension Int32 {
    /// The number with at least ten characters, the sign among them.
    fileprivate var tenDigits: String {
        let digits = String(magnitude)
        let sign = self < 0 ? "-" : ""
        return sign + String(repeating: "0", count: Swift.max(0, 10 - sign.count - digits.count)) + digits
    }
}
