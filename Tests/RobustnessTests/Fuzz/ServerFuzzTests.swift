// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// Random input for a real server, seen through a relay.
@Suite(.zooKeeperServer, .timeLimit(.minutes(10))) struct ServerFuzzTests {
    private func withClient(_ body: (ZooKeeperClient, ZooKeeperRelay) async throws -> Void) async throws {
        try await ZooKeeperServer.required.withRelayedClient { client, relay in
            try await body(client, relay)
            #expect(relay.traffic.connections == 1, "nothing has cost the connection")
        }
    }

    /// Paths that this library accepts, the server accepts and returns unchanged; those that it refuses never reach
    /// the server.
    @Test func pathsComeBackUnchanged() async throws {
        try await withClient { client, relay in
            var accepted = 0
            for seed in Fuzz.seeds(600 * Fuzz.factor) {
                var random = SplitMix64(seed: seed)
                let name = random.text(1...(random.oneIn(50) ? 3_000 : 6))
                let before = relay.traffic.requestCount
                guard let path = try? ZNodePath("/" + name) else {
                    #expect(relay.traffic.requestCount == before, "seed \(seed)")
                    continue
                }
                guard path.parent == .root else { continue }
                accepted += 1
                let created: CreatedZNode
                do { created = try await client.create(path, data: name.utf8) } catch {
                    Issue.record("seed \(seed): \(name.debugDescription): \(error)")
                    continue
                }
                #expect(created.path.string.utf8.elementsEqual(path.string.utf8), "seed \(seed)")
                let names = try await client.children(of: "/").names
                #expect(names.count == 1 && names.first?.utf8.elementsEqual(name.utf8) == true, "seed \(seed)")
                // A letter's other form is another node.
                let (node, watched) = try await (client.get(path), client.getWatched(path))
                #expect(node.data.elementsEqual(name.utf8), "seed \(seed)")
                try await client.delete(path)
                let event = try await watched.watch.event()
                #expect(event.kind == .deleted && event.path == path, "seed \(seed)")
                #expect(relay.traffic.requestCount - before == 5, "seed \(seed)")
            }
            #expect(accepted > 200 * Fuzz.factor, "\(accepted)")
        }
    }

    // MARK: Transactions

    /// The properties of a node on which later steps depend.
    private struct Node: Equatable {
        var version: Int32 = 0
        var isEphemeral = false
    }

    /// The nodes there are: ZooKeeper's rules for transactions, as far as the steps below go.
    private typealias Tree = [ZNodePath: Node]

    private struct Step {
        var operation: any TransactionOperation
        /// Changes the tree, or returns the error.
        var apply: (inout Tree) -> ZooKeeperError.Code?
        /// The error with which this library refuses it before it is sent; `nil` if it does not.
        var refusal: ZooKeeperError.Code?
    }

    private static let names = ["a", "b", "c", "e\u{301}", "\u{E9}"]

    private func step(_ random: inout SplitMix64) -> Step {
        let parent = random.oneIn(2) ? ZNodePath.root : ZNodePath.root.child(random.pick(Self.names))
        let path = parent.child(random.pick(Self.names))
        let version: Int32? = random.oneIn(2) ? nil : random.pick([0, 0, 1, 2, -1, -2, .min, .max])
        func versionFits(_ node: Node) -> Bool { version == nil || version == -1 || version == node.version }
        switch random.int(0...9) {
        case 0...3: return create(path, parent, &random)
        case 4...5:
            let data = random.bytes(random.int(0...(random.oneIn(50) ? 200_000 : 100)))
            return Step(operation: SetData(path, to: data, ifVersion: version)) { tree in
                guard let node = tree[path] else { return .noNode }
                guard versionFits(node) else { return .badVersion }
                tree[path]?.version += 1
                return nil
            }
        case 6...7:
            return Step(operation: Delete(path, ifVersion: version)) { tree in
                guard let node = tree[path] else { return .noNode }
                guard versionFits(node) else { return .badVersion }
                guard !tree.keys.contains(where: { $0.parent == path }) else { return .notEmpty }
                tree[path] = nil
                return nil
            }
        default:
            return Step(operation: Check(path, version: version)) { tree in
                guard let node = tree[path] else { return .noNode }
                return versionFits(node) ? nil : .badVersion
            }
        }
    }

    private func create(_ path: ZNodePath, _ parent: ZNodePath, _ random: inout SplitMix64) -> Step {
        if random.oneIn(40) {
            let (operation, code) = random.pick([
                (Create(path, mode: .container), ZooKeeperError.Code.invalidArgument),
                (Create(path, mode: .persistent(timeToLive: .seconds(1))), .invalidArgument),
                (Create(path, accessControl: AccessControl([])), .invalidACL),
            ])
            return Step(operation: operation, apply: { _ in nil }, refusal: code)
        }
        let isEphemeral = random.oneIn(6)
        let data = random.bytes(random.int(0...20))
        return Step(operation: Create(path, data: data, mode: isEphemeral ? .ephemeral : .persistent)) { tree in
            guard parent.isRoot || tree[parent] != nil else { return .noNode }
            guard tree[path] == nil else { return .nodeExists }
            if tree[parent]?.isEphemeral == true { return .noChildrenForEphemerals }
            tree[path] = Node(isEphemeral: isEphemeral)
            return nil
        }
    }

    private func tree(_ client: ZooKeeperClient) async throws -> Tree {
        var tree: Tree = [:]
        var open = [ZNodePath.root]
        while let next = open.popLast() {
            for name in try await client.children(of: next).names {
                let path = try next.appending(name)
                let stat = try #require(try await client.exists(path))
                tree[path] = Node(version: stat.version, isEphemeral: stat.ephemeralOwner.rawValue != 0)
                if stat.numChildren > 0 { open.append(path) }
            }
        }
        return tree
    }

    @Test func transactionsDoAllOrNothingAndSayWhich() async throws {
        try await withClient { client, _ in
            var tree: Tree = [:]
            var (succeeded, failed) = (0, 0)
            for seed in Fuzz.seeds(400 * Fuzz.factor) {
                var random = SplitMix64(seed: seed)
                let steps = (0..<random.int(0...(random.oneIn(20) ? 300 : 6))).map { _ in step(&random) }
                // Refused here: the first that cannot be sent. Refused there: the first that cannot be done.
                var expected = steps.enumerated().first { $0.element.refusal != nil }.map {
                    ($0.offset, $0.element.refusal)
                }
                let isSent = expected == nil
                var after = tree
                for (index, step) in steps.enumerated() where expected == nil {
                    if let code = step.apply(&after) { expected = (index, code) }
                }
                do {
                    let results = try await client.transaction(steps.map(\.operation))
                    #expect(expected == nil, "seed \(seed): went through, expected \(String(describing: expected))")
                    #expect(results.count == steps.count, "seed \(seed)")
                    for (step, result) in zip(steps, results) {
                        #expect(isResult(result, of: step.operation), "seed \(seed): \(result) of \(step.operation)")
                    }
                    tree = after
                    succeeded += 1
                } catch let error as ZooKeeperError {
                    #expect(error.code == expected?.1, "seed \(seed): \(error)")
                    #expect(error.failedOperation == expected?.0, "seed \(seed): \(error)")
                    #expect(error.execution == (isSent ? .refused : .notSent), "seed \(seed): \(error)")
                    failed += 1
                }
                if seed % 10 == 0 || steps.count > 100 {
                    let found = try await self.tree(client)
                    #expect(found == tree, "seed \(seed)")
                }
            }
            #expect(succeeded > 20 && failed > 20, "\(succeeded) went through, \(failed) did not")
        }
    }

    private func isResult(_ result: TransactionResult, of operation: any TransactionOperation) -> Bool {
        switch (operation, result) {
        case (let create as Create, .created(let created)): created.path == create.path
        case (is SetData, .dataSet), (is Delete, .deleted), (is Check, .checked): true
        default: false
        }
    }

    /// The server returns the list that was set, or answers `invalidACL`.
    @Test func accessControlComesBackUnchanged() async throws {
        try await withClient { client, _ in
            for seed in Fuzz.seeds(200 * Fuzz.factor) {
                var random = SplitMix64(seed: seed)
                let path = ZNodePath.root.child("a\(seed)")
                try await client.create(path)
                let entries = (0..<random.int(0...3)).map { _ in
                    AccessControl.Entry(
                        AccessControl.Permissions(rawValue: Int32(random.int(0...31))).union(.admin),
                        for: random.pick([
                            .anyone, .creator, .digest(user: random.text(1...3), hash: "x"),
                            .init(scheme: "ip", id: "127.0.0.\(random.int(0...300))"),
                            .init(scheme: random.text(0...3), id: random.text(0...3)),
                        ]))
                }
                // So that it can be read again.
                let accessControl = AccessControl(
                    (random.oneIn(10) ? [] : [AccessControl.Entry(.all, for: .anyone)]) + entries)
                do {
                    try await client.setAccessControl(of: path, to: accessControl)
                    let read = try await client.accessControl(of: path).accessControl
                    // The server leaves doubles out.
                    #expect(Set(read.entries) == Set(accessControl.entries), "seed \(seed)")
                } catch let error as ZooKeeperError {
                    let mayRead = accessControl.entries.contains {
                        $0.identity == .anyone && $0.permissions.contains(.read)
                    }
                    let codes: [ZooKeeperError.Code] = [.invalidACL, .invalidArgument] + (mayRead ? [] : [.noAuth])
                    #expect(codes.contains(error.code), "seed \(seed): \(error) for \(accessControl)")
                }
            }
        }
    }
}
