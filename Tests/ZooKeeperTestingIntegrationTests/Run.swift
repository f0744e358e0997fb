import Logging
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// One thing that is done to a server.
enum Step: Sendable {
    case open(place: Int, credentials: [Credential])
    case close(place: Int)
    case expire(place: Int)
    case request(place: Int, Request.Kind, watch: Bool)
    /// While the session in this place has no connection, the one in another place does something.
    case away(place: Int, other: Int, [Request.Kind])
    /// Lets go of all watches that reads in this place have set.
    case forget(place: Int)

    /// Whether a watch may fire because of it.
    fileprivate var mayBeSeen: Bool {
        if case .request(_, let kind, _) = self { return !Request(kind).isRead }
        return true
    }
}

/// Does steps, one after the other, and writes down what came of each in words that are the same for every server:
/// zxids count from the first, sessions by the order in which they were opened.
final class Run {
    static let places = 3

    private let world: any World
    private let directory: String
    private let observer: ZooKeeperSession
    private var sessions: [Int: (session: ZooKeeperSession, serial: Int)] = [:]
    private var serials: [SessionID: Int] = [:]
    private var base: Int64 = 0
    private let events = Shared<[Int: [String]]>([:])
    /// A watch that nobody holds is taken off the server.
    private var watches: [Int: [Watch]] = [:]
    private var stepCount = 0

    init(_ world: any World, directory: String) async throws {
        self.world = world
        self.directory = directory
        observer = try await Self.openSession(world, Self.places, [])
        let created = await observer.submit(
            Request(.create(path: directory, data: [], mode: .persistent, accessControl: .open))
        ).answer()
        if case .created(_, let stat) = try created.get().kind { base = try #require(stat).czxid.rawValue }
    }

    func end() async {
        for place in sessions.keys.sorted() { await sessions[place]?.session.close() }
        await observer.close()
    }

    func has(_ place: Int) -> Bool { sessions[place] != nil }

    private static func openSession(
        _ world: any World, _ place: Int, _ credentials: [Credential]
    ) async throws -> ZooKeeperSession {
        var configuration: ZooKeeperConfiguration = "not-used:1"
        configuration.sessionTimeout = .seconds(30)
        configuration.credentials = credentials
        let session = ZooKeeperSession(
            generation: 1, settings: SessionSettings(configuration),
            transport: world.makeTransport(place: place, credentials: credentials),
            logger: Logger(label: "differential"))
        session.open()
        try await eventually("a session") { session.isConnected }
        return session
    }

    // MARK: Steps

    /// - Returns: What came of it, a line for each thing.
    func perform(_ step: Step) async throws -> [String] {
        stepCount += 1
        var lines: [String] = []
        var isOrdered = true
        switch step {
        case .open(let place, let credentials):
            let session = try await Self.openSession(world, place, credentials)
            serials[try #require(session.id)] = serials.count + 1
            sessions[place] = (session, serials.count)
            // Shows when the session is over.
            lines = [await request(mark(place), in: session)]
        case .close(let place):
            lines = try await end(place) { session in await session.close() }
            isOrdered = false
        case .expire(let place):
            lines = try await end(place) { [world] session in
                try await world.expire(session, place: place)
                await session.ended.wait()
                #expect(session.state == .lost(.expired))
                await session.close()
            }
            isOrdered = false
        case .request(let place, let kind, let watch):
            guard let session = sessions[place]?.session else { break }
            lines = [await request(Request(kind, watch: watch ? self.watch(place) : nil), in: session)]
        case .away(let place, let other, let kinds):
            guard let session = sessions[place]?.session, let busy = sessions[other]?.session else { break }
            let connection = session.connection
            try await world.whileAway(session, place: place) {
                try await eventually("it is disconnected") { !session.isConnected }
                for kind in kinds { lines.append(await request(Request(kind), in: busy)) }
            }
            try await eventually("it is connected again") { session.isConnected && session.connection > connection }
            isOrdered = false
        case .forget(let place): watches[place] = nil
        }
        if step.mayBeSeen { await bringEvents() }
        let seen = events.withLock { events in
            defer { events = [:] }
            return events
        }
        for (place, news) in seen.sorted(by: { $0.key < $1.key }) {
            for line in isOrdered ? news : news.sorted() { lines.append("  \(place) sees \(line)") }
        }
        return lines
    }

    /// Whatever a server has sent before it answers this comes before the answer.
    private func bringEvents() async {
        let pendingRequests = sessions.values.map { entry in
            entry.session.submit(Request(.exists(path: "/")), retry: .withinRequestTimeout)
        }
        for pending in pendingRequests { _ = await pending.answer() }
    }

    private func end(_ place: Int, _ body: (ZooKeeperSession) async throws -> Void) async throws -> [String] {
        guard let (session, _) = sessions[place] else { return [] }
        let mark = mark(place).path ?? ""
        sessions[place] = nil
        try await body(session)
        try await eventually("its nodes are gone") {
            let outcome = await observer.submit(Request(.exists(path: mark))).answer()
            if case .failure(let error) = outcome { return error.code == .noNode }
            return false
        }
        // What a session saw at its very end depends on which of two packets was faster.
        events.withLock { $0[place] = nil }
        watches[place] = nil
        return ["ended"]
    }

    private func mark(_ place: Int) -> Request {
        let serial = sessions[place]?.serial ?? 0
        return Request(
            .create(
                path: "\(directory)/session-\(serial)", data: [], mode: .ephemeral, accessControl: .open))
    }

    private func watch(_ place: Int) -> Watch {
        let number = stepCount
        let watch = Watch { [events] outcome in
            guard case .success(let event) = outcome else { return }
            events.withLock { $0[place, default: []].append("\(event.kind) \(event.path) (watch of step \(number))") }
        }
        watches[place, default: []].append(watch)
        return watch
    }

    private func request(_ request: Request, in session: ZooKeeperSession) async -> String {
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
