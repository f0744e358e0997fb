// SPDX-License-Identifier: Apache-2.0

import Logging
import TestSupport
import Testing
import ZooKeeper

/// Requests are handed to the transport in order and outside the session's lock: all of these would hang within it.
@Suite(.timeLimit(.minutes(1))) struct SendingTests {
    private let transport = ScriptedTransport()
    private let session: ZooKeeperSession

    init() {
        let configuration: ZooKeeperConfiguration = "127.0.0.1:1"
        session = ZooKeeperSession(
            generation: 1, settings: SessionSettings(configuration), transport: transport,
            logger: Logger(label: "test"))
        connect(session)
    }

    private func submit(_ path: ZNodePath) -> PendingRequest { session.submit(Request(path, .exists)) }

    @Test func whatComesDuringAHandoverIsTakenAlong() {
        transport.whenIssued("/a") { [session] in
            _ = session.submit(Request("/b", .exists))
            _ = session.submit(Request("/c", .exists))
            return nil
        }
        _ = submit("/a")
        _ = submit("/d")
        #expect(transport.issued == ["/", "/a", "/b", "/c", "/d"])
    }

    /// Another thread has the duty to hand over, and has not come to it when the session is closed.
    @Test func whatCameBeforeACloseStillLeaves() async {
        transport.whenIssued("/a") { [session] in
            _ = session.submit(Request("/b", .exists))
            session.beginClose()
            _ = session.submit(Request("/c", .exists))
            return nil
        }
        _ = submit("/a")
        #expect(transport.issued == ["/", "/a", "/b"])
        await session.released.wait()
    }

    @Test func withoutAConnectionNothingLeavesAfterAClose() async {
        session.transport(did: .disconnected)
        let waiting = submit("/a")
        session.beginClose()
        let outcome = await waiting.answer()
        #expect { try outcome.get() } throws: {
            ZooKeeperError.Code.closed ~= $0 && ($0 as? ZooKeeperError)?.execution == .notSent
        }
        connect(session)
        #expect(!transport.issued.contains("/a"))
        await session.released.wait()
    }

    @Test func withoutAConnectionARequestGoesBackInFrontOfTheOthers() {
        transport.whenIssued("/a") { .connectionLoss }
        _ = submit("/a")
        _ = submit("/b")
        #expect(transport.issued == ["/", "/a"])
        session.transport(did: .disconnected)
        connect(session)
        #expect(transport.issued == ["/", "/a", "/", "/a", "/b"])
    }

    @Test func aConnectionThatIsBackBeforeTheRefusalIsUsed() {
        transport.whenIssued("/a") { [session] in
            session.transport(did: .disconnected)
            connect(session)
            return .connectionLoss
        }
        _ = submit("/a")
        #expect(transport.issued == ["/", "/a", "/", "/a"], "the news came first and closes nothing now")
    }

    @Test func aSessionThatEndsDuringAHandoverTakesNothingBack() async {
        transport.whenIssued("/a") { [session] in
            session.transport(did: .expired)
            return .connectionLoss
        }
        let outcome = await submit("/a").answer()
        #expect(throws: ZooKeeperError.self) { try outcome.get() }
        #expect(transport.issued == ["/", "/a"])
        await session.released.wait()
    }
}

private func connect(_ session: ZooKeeperSession) {
    session.transport(did: .connected(SessionID(rawValue: 1), password: [], timeout: .seconds(30), isReadOnly: false))
}

/// Answers nothing, and does something once when a certain path comes.
private final class ScriptedTransport: SessionTransport {
    private struct State {
        var issued: [String] = []
        var actions: [String: @Sendable () -> ResultCode?] = [:]
    }

    private let state = Shared(State())

    var issued: [String] { state.withLock { $0.issued } }

    func whenIssued(_ path: String, _ action: @escaping @Sendable () -> ResultCode?) {
        state.withLock { $0.actions[path] = action }
    }

    func open(sessionTimeout: Duration, delegate: any SessionTransportDelegate) {}

    func issue(_ request: any TransportRequest) -> ResultCode? {
        let path = request.request.path?.string ?? ""
        let action = state.withLock { state in
            state.issued.append(path)
            return state.actions.removeValue(forKey: path)
        }
        return action?()
    }

    func close(done: @escaping @Sendable () -> Void) { Deadlines.shared.schedule(at: .now) { done() } }
}
