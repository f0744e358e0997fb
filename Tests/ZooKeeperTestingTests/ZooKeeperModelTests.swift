// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeper
import ZooKeeperTesting

/// The server as a value: behaviour that a comparison with a real server does not show, or not reliably.
@Suite struct ZooKeeperModelTests {
    typealias Model = ZooKeeperModel

    private let first = Model.ConnectionID(1)
    private let second = Model.ConnectionID(2)

    /// A server and a session on each connection.
    private func makeModel() -> Model {
        var model = Model()
        #expect(model.perform(.connect(first, session: nil)) == [.connected(first, SessionID(rawValue: 1))])
        #expect(model.perform(.connect(second, session: nil)) == [.connected(second, SessionID(rawValue: 2))])
        return model
    }

    private func create(_ path: String, _ mode: CreateMode = .persistent) -> Request {
        Request(ZNodePath(unchecked: path), .create(data: [], mode: mode, accessControl: .open))
    }

    private func delete(_ path: ZNodePath) -> ServerRequest { Request(path, .delete(version: -1)).rooted(at: .root) }

    // MARK: A value

    @Test func copiesShareNothing() {
        var model = makeModel()
        let before = model
        model.ask(first, create("/a"))
        #expect(before.tree.nodes["/a"] == nil)
        #expect(model != before)
        #expect(Set([model, before, before]).count == 2)
    }

    @Test func whatBehavesAlikeIsEqual() {
        var model = makeModel()
        let before = model
        model.ask(first, "/a", .exists, watch: true)
        model.ask(first, "/", .getChildren, watch: true)
        #expect(model != before)
        model.ask(first, "/a", .removeWatches(.dataAndExistence))
        model.ask(first, "/", .removeWatches(.children))
        #expect(model == before)
        let failure = model.ask(first, "/", .removeWatches(.children))
        #expect(failure == .failure(ResultFailure(.noWatcher)))
    }

    @Test func aFailedTransactionLeavesItsNumberOnly() {
        var model = makeModel()
        model.ask(first, create("/a"))
        model.ask(first, create("/a/b"))
        let before = model
        let steps = [
            TransactionStep("/c", .create(data: [], mode: .ephemeralSequential, accessControl: .open)),
            TransactionStep("/a", .setData(data: [1], version: 0)),
            TransactionStep("/a/b", .delete(version: -1)), TransactionStep("/a", .delete(version: 1)),
            TransactionStep("/a", .create(data: [], mode: .persistent, accessControl: .open)),
            TransactionStep("/a", .check(version: 1)),
        ]
        let result = model.ask(first, Request(.transaction(steps)))
        #expect(result == .failure(ResultFailure(.badVersion, failedOperation: 5)))
        #expect(model.zxid.rawValue == before.zxid.rawValue + 1)
        #expect(model.tree == before.tree)
    }

    // MARK: Connections

    @Test func aRequestIsExecutedWhetherItsAnswerArrivesOrNot() {
        var model = makeModel()
        model.ask(first, create("/a", .ephemeral))
        // The answer is lost, and what was sent behind it.
        _ = model.apply(.disconnect(first))
        let unread = model.perform(.request(first, xid: 2, create("/b").rooted(at: .root), watch: false))
        #expect(unread == [])
        let again = Model.ConnectionID(3)
        let session = SessionID(rawValue: 1)
        #expect(model.perform(.connect(again, session: session)) == [.connected(again, session)])
        #expect(model.tree.nodes["/a"]?.lifetime == .ephemeral(session))
        #expect(model.tree.nodes["/b"] == nil)
    }

    @Test func takingASessionOverEndsItsFormerConnection() {
        var model = makeModel()
        model.ask(first, "/a", .exists, watch: true)
        let again = Model.ConnectionID(3)
        let session = SessionID(rawValue: 1)
        let outputs = model.perform(.connect(again, session: session))
        #expect(outputs == [.closed(first), .connected(again, session)])
        // Its watches were the connection's.
        #expect(model.perform(.request(again, xid: 1, create("/a").rooted(at: .root), watch: false)).count == 1)
    }

    @Test func aSessionThatIsOverIsNotTakenUpAgain() {
        var model = makeModel()
        model.ask(second, create("/e", .ephemeral))
        model.ask(first, "/e", .exists, watch: true)
        let session = SessionID(rawValue: 2)
        let outputs = model.perform(.expire(session))
        #expect(outputs == [.event(first, .deleted, path: "/e"), .closed(second)])
        let again = Model.ConnectionID(3)
        #expect(model.perform(.connect(again, session: session)) == [.expired(again)])
        #expect(model.perform(.expire(session)) == [], "and ends once")
    }

    @Test func aRefusedCredentialEndsTheConnectionNotTheSession() {
        var model = makeModel()
        let credential = Credential(scheme: "nonsense", proof: [])
        let outputs = model.perform(
            .request(first, xid: 1, Request(.authenticate(credential)).rooted(at: .root), watch: false))
        #expect(
            outputs == [
                .reply(first, xid: 1, zxid: Zxid(rawValue: 0), .failure(ResultFailure(.authFailed))), .closed(first),
            ])
        #expect(model.sessions[SessionID(rawValue: 1)] == .some(nil))
    }

    // MARK: Watches

    @Test func oneDeletionIsOneEventPerPathAndConnection() {
        var model = makeModel()
        model.ask(second, create("/a"))
        model.ask(first, "/a", .getData, watch: true)
        model.ask(first, "/a", .exists, watch: true)
        model.ask(first, "/a", .getChildren, watch: true)
        model.ask(first, "/", .getChildren, watch: true)
        let outputs = model.perform(.request(second, xid: 9, delete("/a"), watch: false))
        #expect(
            outputs == [
                .event(first, .deleted, path: "/a"), .event(first, .childrenChanged, path: "/"),
                .reply(second, xid: 9, zxid: model.zxid, .success(.done)),
            ])
        model.ask(second, create("/a"))
        let more = model.perform(.request(second, xid: 10, delete("/a"), watch: false))
        #expect(more.count == 1, "and that was all")
    }

    @Test func whatWasMissedIsToldInTheOrderOfTheQuestion() {
        var model = makeModel()
        // The last one is as new as what the client has seen, and no newer.
        for path in ["/set", "/gone", "/parent", "/same"] { model.ask(first, create(path)) }
        let seen = model.zxid
        _ = model.apply(.disconnect(first))
        model.ask(second, "/set", .setData(data: [1], version: -1))
        model.ask(second, "/gone", .delete(version: -1))
        model.ask(second, create("/parent/child"))
        model.ask(second, create("/new"))
        let again = Model.ConnectionID(3)
        _ = model.apply(.connect(again, session: SessionID(rawValue: 1)))
        let outputs = model.perform(
            .setWatches(
                again, after: seen, data: ["/set", "/same", "/gone"], existence: ["/new", "/later"],
                children: ["/parent", "/gone", "/same"]))
        #expect(
            outputs == [
                .event(again, .dataChanged, path: "/set"), .event(again, .deleted, path: "/gone"),
                .event(again, .created, path: "/new"), .event(again, .childrenChanged, path: "/parent"),
                .event(again, .deleted, path: "/gone"),
                .reply(again, xid: Model.setWatchesXid, zxid: model.zxid, .success(.done)),
            ])
        let later = model.perform(.request(second, xid: 9, create("/later").rooted(at: .root), watch: false))
        #expect(later.first == .event(again, .created, path: "/later"))
        let change = Request("/same", .setData(data: [], version: -1)).rooted(at: .root)
        let set = model.perform(.request(second, xid: 9, change, watch: false))
        #expect(set.first == .event(again, .dataChanged, path: "/same"))
    }

    // MARK: What a server does by itself

    @Test func onlyContainersThatWereUsedAndTimesToLiveAreReaped() {
        var model = makeModel()
        model.ask(first, create("/c", .container))
        model.ask(first, create("/e", .ephemeral))
        model.ask(first, create("/t", .persistent(timeToLive: .seconds(1))))
        #expect(model.reapable == ["/t"])
        model.ask(first, create("/c/child"))
        model.ask(first, create("/t/child"))
        #expect(model.reapable == [])
        let before = model
        #expect(model.perform(.reap("/c")) == [])
        #expect(model.perform(.reap("/e")) == [])
        #expect(model == before)
        model.ask(first, "/c/child", .delete(version: -1))
        model.ask(first, "/c", .getData, watch: true)
        #expect(model.reapable == ["/c"])
        #expect(model.perform(.reap("/c")) == [.event(first, .deleted, path: "/c")])
    }

    /// Hashes of messages at the limits of a block, from another implementation.
    @Test(arguments: [
        (55, "HCI5t/vUzmyRgotbI4m3dQEEprM="), (56, "u6S5RlhYzGpVsIVz9ipesnwKfUg="),
        (63, "E2KmMVCAMJOBFyzP962n0SY64gA="), (64, "bqUvG0kh8XF9FXbJtNgRC3Yf5Tw="),
        (119, "bBxrzwIXnEpu/7+xNCrW3LLMDio="), (120, "9uXofdQ7keL3T4mU4I82pvK4b5w="),
        (200, "20CoRoZPpZwOXUsBg82hJVq0jrk="),
    ])
    func aDigestIsThatOfTheServer(_ length: Int, _ hash: String) {
        var model = makeModel()
        let password = String(repeating: "x", count: length - 2)
        model.ask(first, Request(.authenticate(.digest(user: "u", password: password))))
        model.ask(first, "/a", .create(data: [], mode: .persistent, accessControl: .creatorAll))
        #expect(
            model.tree.nodes["/a"]?.accessControl == [AccessControl.Entry(.all, for: .digest(user: "u", hash: hash))])
    }
}

extension ZooKeeperModel {
    /// Calls `apply`, in places where a mutating call is not allowed.
    fileprivate mutating func perform(_ event: Event) -> [Output] { apply(event) }

    /// - Returns: The answer.
    @discardableResult
    fileprivate mutating func ask(
        _ connection: ConnectionID, _ request: Request, watch: Bool = false
    ) -> Result<ServerResponse, ResultFailure>? {
        let event = Event.request(connection, xid: 1, request.rooted(at: .root), watch: watch)
        for case .reply(connection, _, _, let result) in apply(event) { return result }
        return nil
    }

    /// - Returns: The answer.
    @discardableResult
    fileprivate mutating func ask(
        _ connection: ConnectionID, _ path: ZNodePath, _ action: Action<TransactionStep>, watch: Bool = false
    ) -> Result<ServerResponse, ResultFailure>? {
        ask(connection, Request(path, action), watch: watch)
    }
}
