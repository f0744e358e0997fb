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

    private func create(_ path: String, _ mode: CreateMode = .persistent) -> Request.Kind {
        .create(path: path, data: [], mode: mode, accessControl: .open)
    }

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
        model.ask(first, .exists(path: "/a"), watch: true)
        model.ask(first, .getChildren(path: "/"), watch: true)
        #expect(model != before)
        model.ask(first, .removeWatches(path: "/a", table: .dataAndExistence))
        model.ask(first, .removeWatches(path: "/", table: .children))
        #expect(model == before)
        let failure = model.ask(first, .removeWatches(path: "/", table: .children))
        #expect(failure == .failure(ResultFailure(.noWatcher)))
    }

    @Test func aFailedTransactionLeavesItsNumberOnly() {
        var model = makeModel()
        model.ask(first, create("/a"))
        model.ask(first, create("/a/b"))
        let before = model
        let steps: [TransactionStep.Kind] = [
            .create(path: "/c", data: [], mode: .ephemeralSequential, accessControl: .open),
            .setData(path: "/a", data: [1], version: 0),
            .delete(path: "/a/b", version: -1), .delete(path: "/a", version: 1),
            .create(path: "/a", data: [], mode: .persistent, accessControl: .open),
            .check(path: "/a", version: 1),
        ]
        let result = model.ask(first, .transaction(steps.map(TransactionStep.init)))
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
        let unread = model.perform(.request(first, xid: 2, create("/b"), watch: false))
        #expect(unread == [])
        let again = Model.ConnectionID(3)
        let session = SessionID(rawValue: 1)
        #expect(model.perform(.connect(again, session: session)) == [.connected(again, session)])
        #expect(model.tree.nodes["/a"]?.lifetime == .ephemeral(session))
        #expect(model.tree.nodes["/b"] == nil)
    }

    @Test func takingASessionOverEndsItsFormerConnection() {
        var model = makeModel()
        model.ask(first, .exists(path: "/a"), watch: true)
        let again = Model.ConnectionID(3)
        let session = SessionID(rawValue: 1)
        let outputs = model.perform(.connect(again, session: session))
        #expect(outputs == [.closed(first), .connected(again, session)])
        // Its watches were the connection's.
        #expect(model.perform(.request(again, xid: 1, create("/a"), watch: false)).count == 1)
    }

    @Test func aSessionThatIsOverIsNotTakenUpAgain() {
        var model = makeModel()
        model.ask(second, create("/e", .ephemeral))
        model.ask(first, .exists(path: "/e"), watch: true)
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
        let outputs = model.perform(.request(first, xid: 1, .authenticate(credential), watch: false))
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
        model.ask(first, .getData(path: "/a"), watch: true)
        model.ask(first, .exists(path: "/a"), watch: true)
        model.ask(first, .getChildren(path: "/a"), watch: true)
        model.ask(first, .getChildren(path: "/"), watch: true)
        let outputs = model.perform(.request(second, xid: 9, .delete(path: "/a", version: -1), watch: false))
        #expect(
            outputs == [
                .event(first, .deleted, path: "/a"), .event(first, .childrenChanged, path: "/"),
                .reply(second, xid: 9, zxid: model.zxid, .success(.done)),
            ])
        model.ask(second, create("/a"))
        let more = model.perform(.request(second, xid: 10, .delete(path: "/a", version: -1), watch: false))
        #expect(more.count == 1, "and that was all")
    }

    @Test func whatWasMissedIsToldInTheOrderOfTheQuestion() {
        var model = makeModel()
        // The last one is as new as what the client has seen, and no newer.
        for path in ["/set", "/gone", "/parent", "/same"] { model.ask(first, create(path)) }
        let seen = model.zxid
        _ = model.apply(.disconnect(first))
        model.ask(second, .setData(path: "/set", data: [1], version: -1))
        model.ask(second, .delete(path: "/gone", version: -1))
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
        let later = model.perform(.request(second, xid: 9, create("/later"), watch: false))
        #expect(later.first == .event(again, .created, path: "/later"))
        let set = model.perform(.request(second, xid: 9, .setData(path: "/same", data: [], version: -1), watch: false))
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
        model.ask(first, .delete(path: "/c/child", version: -1))
        model.ask(first, .getData(path: "/c"), watch: true)
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
        model.ask(first, .authenticate(.digest(user: "u", password: password)))
        model.ask(first, .create(path: "/a", data: [], mode: .persistent, accessControl: .creatorAll))
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
        _ connection: ConnectionID, _ kind: Request.Kind, watch: Bool = false
    ) -> Result<Response.Kind, ResultFailure>? {
        for case .reply(connection, _, _, let result) in apply(.request(connection, xid: 1, kind, watch: watch)) {
            return result
        }
        return nil
    }
}
