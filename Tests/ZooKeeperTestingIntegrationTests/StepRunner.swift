// SPDX-License-Identifier: Apache-2.0

import Logging
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// One step of a differential test.
enum Step: Sendable {
    case open(slot: Int, credentials: [Credential])
    case close(slot: Int)
    case expire(slot: Int)
    case request(slot: Int, Request, watch: Bool)
    /// The session in this slot has no connection while the one in another slot makes requests.
    case disconnected(slot: Int, other: Int, [Request])
    /// All watches that reads in this slot have set are released.
    case releaseWatches(slot: Int)

    /// `true` if a watch may fire because of it.
    fileprivate var mayBeSeen: Bool {
        if case .request(_, let request, _) = self { return !request.action.isRead }
        return true
    }
}

/// Runs steps, one after the other, and describes the result of each in words that are the same for every server: zxids
/// count from the first, sessions by the order in which they were opened.
final class StepRunner {
    static let slots = 3

    private let server: any ComparedServer
    private let directory: String
    private let observer: ZooKeeperSession
    private var sessions: [Int: (session: ZooKeeperSession, serial: Int)] = [:]
    private var serials: [SessionID: Int] = [:]
    private var base: Int64 = 0
    private let events = Shared<[Int: [String]]>([:])
    /// The watches by slot. Without a reference, a watch is taken off the server.
    private var watches: [Int: [Watch]] = [:]
    private var stepCount = 0

    init(_ server: any ComparedServer, directory: String) async throws {
        self.server = server
        self.directory = directory
        observer = try await Self.openSession(server, Self.slots, [])
        let created = await observer.submit(
            Request(ZNodePath(unchecked: directory), .create(data: [], mode: .persistent, accessControl: .open))
        ).answer()
        if case .created(_, let stat) = try created.get().kind { base = try #require(stat).czxid.rawValue }
    }

    func end() async {
        for slot in sessions.keys.sorted() { await sessions[slot]?.session.close() }
        await observer.close()
    }

    func has(_ slot: Int) -> Bool { sessions[slot] != nil }

    private static func openSession(
        _ server: any ComparedServer, _ slot: Int, _ credentials: [Credential]
    ) async throws -> ZooKeeperSession {
        var configuration: ZooKeeperConfiguration = "not-used:1"
        configuration.sessionTimeout = .seconds(30)
        configuration.credentials = credentials
        let session = ZooKeeperSession(
            generation: 1, settings: SessionSettings(configuration),
            transport: server.makeTransport(slot: slot, credentials: credentials),
            logger: Logger(label: "differential"))
        session.open()
        try await eventually("a session") { session.isConnected }
        return session
    }

    // MARK: Steps

    /// - Returns: The result and the events, each as a line.
    func perform(_ step: Step) async throws -> [String] {
        stepCount += 1
        var lines: [String] = []
        var isOrdered = true
        switch step {
        case .open(let slot, let credentials):
            let session = try await Self.openSession(server, slot, credentials)
            serials[try #require(session.id)] = serials.count + 1
            sessions[slot] = (session, serials.count)
            // Shows when the session is over.
            lines = [await answer(to: mark(slot), in: session)]
        case .close(let slot):
            lines = try await end(slot) { session in await session.close() }
            isOrdered = false
        case .expire(let slot):
            lines = try await end(slot) { [server] session in
                try await server.expire(session, slot: slot)
                await session.ended.wait()
                #expect(session.state == .lost(.expired))
                await session.close()
            }
            isOrdered = false
        case .request(let slot, var request, let isWatched):
            guard let session = sessions[slot]?.session else { break }
            request.watch = isWatched ? watch(slot) : nil
            lines = [await answer(to: request, in: session)]
        case .disconnected(let slot, let other, let requests):
            guard let session = sessions[slot]?.session, let busy = sessions[other]?.session else { break }
            let connection = session.connection
            try await server.whileAway(session, slot: slot) {
                try await eventually("it is disconnected") { !session.isConnected }
                for request in requests { lines.append(await answer(to: request, in: busy)) }
            }
            try await eventually("it is connected again") { session.isConnected && session.connection > connection }
            isOrdered = false
        case .releaseWatches(let slot): watches[slot] = nil
        }
        if step.mayBeSeen { await bringEvents() }
        let seen = events.withLock { events in
            defer { events = [:] }
            return events
        }
        for (slot, news) in seen.sorted(by: { $0.key < $1.key }) {
            for line in isOrdered ? news : news.sorted() { lines.append("  \(slot) sees \(line)") }
        }
        return lines
    }

    /// Waits for an answer in each session: every event that the server has sent before it has arrived then.
    private func bringEvents() async {
        let pendingRequests = sessions.values.map { entry in
            entry.session.submit(Request("/", .exists), retry: .withinRequestTimeout)
        }
        for pending in pendingRequests { _ = await pending.answer() }
    }

    private func end(_ slot: Int, _ body: (ZooKeeperSession) async throws -> Void) async throws -> [String] {
        guard let (session, _) = sessions[slot] else { return [] }
        let mark = mark(slot).path ?? .root
        sessions[slot] = nil
        try await body(session)
        try await eventually("its nodes are gone") {
            let outcome = await observer.submit(Request(mark, .exists)).answer()
            if case .failure(let error) = outcome { return error.code == .noNode }
            return false
        }
        // The last events of a session depend on which of two packets was faster.
        events.withLock { $0[slot] = nil }
        watches[slot] = nil
        return ["ended"]
    }

    private func mark(_ slot: Int) -> Request {
        let serial = sessions[slot]?.serial ?? 0
        return Request(
            ZNodePath(unchecked: "\(directory)/session-\(serial)"),
            .create(data: [], mode: .ephemeral, accessControl: .open))
    }

    private func watch(_ slot: Int) -> Watch {
        let number = stepCount
        let watch = Watch { [events] outcome in
            guard case .success(let event) = outcome else { return }
            events.withLock { $0[slot, default: []].append("\(event.kind) \(event.path) (watch of step \(number))") }
        }
        watches[slot, default: []].append(watch)
        return watch
    }

    private func answer(to request: Request, in session: ZooKeeperSession) async -> String {
        switch await session.submit(request).answer() {
        case .success(let response): describe(response.kind)
        case .failure(let error):
            "\(error.code), \(error.execution)" + (error.failedOperation.map { ", operation \($0)" } ?? "")
        }
    }

    // MARK: Words

    private func describe(_ kind: Response.Kind) -> String {
        switch kind {
        case .done: "done"
        case .created(let path, let stat): "created \(path) \(stat.map(describe) ?? "without stat")"
        case .stat(let stat): describe(stat)
        case .node(let node): "\(node.data) \(describe(node.stat))"
        case .children(let names, let stat): "\(names.sorted()) \(describe(stat))"
        case .accessControl(let accessControl, let stat):
            "\(accessControl.entries.map(describe).sorted()) \(describe(stat))"
        case .transaction(let kinds): "[\(kinds.map(describe).joined(separator: "; "))]"
        }
    }

    private func describe(_ stat: ZNodeStat) -> String {
        func relative(_ zxid: Zxid) -> String { zxid.rawValue == 0 ? "none" : "\(zxid.rawValue - base)" }
        let owner =
            stat.ephemeralOwner.rawValue == 0 ? "nobody" : serials[stat.ephemeralOwner].map { "\($0)" } ?? "unknown"
        return "(c \(relative(stat.czxid)) m \(relative(stat.mzxid)) p \(relative(stat.pzxid)) "
            + "version \(stat.version) \(stat.cversion) \(stat.aversion) owner \(owner) "
            + "length \(stat.dataLength) children \(stat.numChildren))"
    }

    private func describe(_ entry: AccessControl.Entry) -> String {
        "\(entry.permissions.rawValue) \(entry.identity.scheme):\(entry.identity.id)"
    }
}
