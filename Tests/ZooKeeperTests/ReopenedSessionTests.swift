// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Logging
import TestSupport
import Testing
import ZooKeeper

/// Sessions that are opened after others have ended.
@Suite(.timeLimit(.minutes(3))) struct ReopenedSessionTests {
    /// A server, or what stands in front of one, that accepts every session and ends it at once.
    @Test func sessionsThatEndAtOnceAreOpenedMoreAndMoreSeldom() async throws {
        let opened = Shared(0)
        var configuration: ZooKeeperConfiguration = "in-memory:1"
        configuration.requestTimeout = .seconds(2)
        let client = try ZooKeeperClient(configuration, logger: Logger(label: "test")) { _, _ in
            opened.withLock { $0 += 1 }
            return ShortLivedTransport()
        }
        try await client.run { client in
            _ = await #expect(throws: ZooKeeperError.self) { try await client.exists("/") }
        }
        // Without pauses there would be thousands. The pauses are at least 50, 100, 200, 400, 800 ms.
        #expect(opened.value >= 2)
        #expect(opened.value <= 9)
    }
}

/// Connects, and is told at once that the session has expired.
private final class ShortLivedTransport: SessionTransport {
    private let queue = DispatchQueue(label: "test")
    private let requests = Shared<[any TransportRequest]>([])

    func open(sessionTimeout: Duration, delegate: any SessionTransportDelegate) {
        queue.async {
            let id = SessionID(rawValue: 7)
            delegate.transport(did: .connected(id, password: [], timeout: sessionTimeout, isReadOnly: false))
            delegate.transport(did: .expired)
        }
    }

    func issue(_ request: any TransportRequest) -> ResultCode? {
        requests.withLock { $0.append(request) }
        return nil
    }

    func close(done: @escaping @Sendable () -> Void) {
        queue.async { [requests] in
            requests.withLock { $0 = [] }
            done()
        }
    }
}
