// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper

/// Servers that accept connections and then answer nothing: every call ends at its limit.
@Suite(.timeLimit(.minutes(3))) struct SilentServerTests {
    /// With credentials, requests wait for the answer to these on every connection; the new handshake is no sign of
    /// life.
    @Test(arguments: [[], [Credential.digest(user: "a", password: "b")]])
    func callsEndAlthoughEveryConnectionIsAccepted(_ credentials: [Credential]) async throws {
        try await SilentTransport.withClient(credentials: credentials) { client, _ in
            let results = Shared<[Result<Void, any Error>]>([])
            Task {
                let result = await Task { _ = try await client.get("/a") }.result
                results.withLock { $0.append(result) }
            }
            Task {
                let result = await Task { _ = try await client.set("/a", to: [1]) }.result
                results.withLock { $0.append(result) }
            }
            // If they did not, they would until the client is closed.
            try await eventually("both end") { results.value.count == 2 }
            for result in results.value {
                #expect { try result.get() } throws: { ZooKeeperError.Code.connectionLoss ~= $0 }
            }
        }
    }

    /// The error of a write that was not sent says so: the caller may write again.
    @Test func aWriteBehindUnansweredCredentialsWasNotSent() async throws {
        try await SilentTransport.withClient(credentials: [.digest(user: "a", password: "b")]) { client, _ in
            let outcome = Shared<ZooKeeperError.Execution?>(nil)
            Task {
                do { try await client.set("/a", to: [1]) } catch let error as ZooKeeperError {
                    outcome.withLock { $0 = error.execution }
                }
            }
            try await eventually("it ends") { outcome.value != nil }
            #expect(outcome.value == .notSent)
        }
    }
}
