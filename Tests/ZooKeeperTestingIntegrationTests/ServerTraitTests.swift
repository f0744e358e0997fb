// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeperTesting

@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct ServerTraitTests {
    @Test func theSuiteHasAServer() async throws {
        let answer = try await ZooKeeperServer.required.ask("ruok")
        #expect(answer == "imok")
    }

    @Test func allItsTestsHaveTheSame() throws {
        #expect(ZooKeeperServer.current === (try ZooKeeperServer.required))
    }
}

@Suite struct NoServerTraitTests {
    @Test func thereIsNone() {
        #expect(throws: TestKitError.self) { try ZooKeeperServer.required }
    }
}
