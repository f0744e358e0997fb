// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// The state of a check: a server, and clients with their sessions, connections and contenders. It is a value: the same
/// choices lead to the same world.
///
/// The clients model the session and the janitor around a ``ContenderMachine``, which is the real one; so are the
/// requests of its actions, the meaning of their answers, and the server, ``ZooKeeperModel``.
///
/// Assumptions:
/// * A machine is told that its session is in time only while the server keeps the session: that is what a lease rests
///   on.
/// * The late requests of an old connection arrive before the janitor's last list, a session's time-out later.
/// * There is one server. Another one, to which a client connects again, may be some states of the queue behind it,
///   but not behind the zxid that the client has seen; that only in scenarios with that fault, and until the client
///   syncs or writes.
/// * Permissions come back some day, and a deadline that stays in the past does not do so for ever.
package struct World {
    static let directory = "/l"
    static let directoryPath: ZNodePath = "/l"

    let scenario: Scenario
    var server = ZooKeeperModel()
    var clients: [Client]
    /// Sessions that their clients have given up.
    var abandoned: [Abandoned] = []
    /// Faults that may still happen.
    var budget: Int
    var lastLink = 0
    /// The events of the last step, as text.
    var log: [String] = []
    var isLogging = false
    package internal(set) var violation: Violation?
    /// The events that the machines have yet to be told. Empty between steps.
    var events: [(client: Int, actor: Int, event: ContenderMachine.Event)] = []
    var isDelivering = false
    /// The last states of the queue, the newest last, if servers may lag behind.
    var past: [Past] = []
    /// The nodes that have left the queue, in order, if servers may lag behind.
    var departed: [String] = []

    /// The children of the directory, and the transaction that made them so.
    struct Past: Hashable {
        var names: [String]
        var zxid: Zxid
    }

    struct Abandoned {
        var session: SessionID
        var link: Int?
        var late: [Query]
    }

    package init(_ scenario: Scenario) {
        self.scenario = scenario
        budget = scenario.budget
        clients = scenario.rolesBySession.enumerated().map { Client($0.offset, $0.element.map { Caller($0) }) }
        for index in clients.indices { openSession(index) }
        if !scenario.isFresh { makeDirectory(scenario.foreign) }
        if scenario.isDenied { allow([.read, .write, .create, .admin]) }
        notePast()
    }

    private mutating func makeDirectory(_ children: [String]) {
        let link = ZooKeeperModel.ConnectionID(clients[0].link ?? 0)
        func create(_ path: String, _ mode: CreateMode) -> ZooKeeperModel.Event {
            .request(
                link, xid: Self.lateXid, Self.request(path, .create(data: [], mode: mode, accessControl: .open)),
                watch: false)
        }
        _ = server.apply(create(Self.directory, .container))
        for name in children { _ = server.apply(create(Self.path(of: name), .persistent)) }
    }

    /// The xid of requests whose answers are ignored.
    static let lateXid: Int32 = -100

    static func path(of name: String) -> String { "\(directory)/\(name)" }

    static func name(of path: String) -> String { String(path.dropFirst(directory.utf8.count + 1)) }

    // MARK: The queue

    /// A node of the queue, parsed without the code that is checked.
    struct QueueEntry: Hashable {
        var name: String
        var sequence: Int
        var isReader: Bool
        /// The client whose guid it has.
        var client: Int
    }

    func entry(_ name: String) -> QueueEntry? {
        let bytes = Array(name.utf8)
        guard bytes.count > 15, bytes.starts(with: "_c_".utf8) else { return nil }
        let client = Int(bytes[3]) - 65
        guard clients.indices.contains(client) else { return nil }
        var sequence = 0
        for byte in bytes.suffix(10) {
            guard (0x30...0x39).contains(byte) else { return nil }
            sequence = sequence * 10 + Int(byte) - 0x30
        }
        return QueueEntry(name: name, sequence: sequence, isReader: name.contains("__READ__"), client: client)
    }

    /// The nodes of all contenders, in the order of their sequence numbers.
    var queue: [QueueEntry] {
        (server.tree.nodes[Self.directory]?.children ?? []).compactMap { entry($0) }
            .sorted { ($0.sequence, $0.name) < ($1.sequence, $1.name) }
    }

    func isThere(_ name: String) -> Bool { server.tree.nodes[Self.path(of: name)] != nil }

    /// The czxid of a node, as the machines get it. To them it is opaque, so it need only tell nodes apart; one made
    /// from the name keeps worlds equal that differ only in the number of transactions.
    func token(of name: String) -> Zxid {
        guard let entry = entry(name) else { return Zxid(rawValue: 0) }
        let guid = name.utf8.dropFirst(4).first.map { Int($0) } ?? 0
        return Zxid(rawValue: Int64((entry.sequence * 16 + entry.client) * 256 + guid))
    }

    // MARK: Telling

    mutating func fail(_ kind: Violation.Kind, _ detail: String) {
        if violation == nil { violation = Violation(kind, detail) }
    }
}
