// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper

/// Connect strings that the JVM client's `ConnectStringParser` accepts are accepted, with the same meaning, but for the
/// exceptions that are named.
@Suite struct ConnectStringTests {
    @Test(arguments: [
        ("a:1", ["a:1"], "/"),
        ("a", ["a:2181"], "/"),
        ("a:1,b:2,c", ["a:1", "b:2", "c:2181"], "/"),
        ("a:1/", ["a:1"], "/"),
        ("a:1/x/y", ["a:1"], "/x/y"),
        ("a:1, b:2", ["a:1", "b:2"], "/"),
        ("a:1,,b:2,", ["a:1", "b:2"], "/"),
        (",a:1", ["a:1"], "/"),
        ("[::1]:2", ["[::1]:2"], "/"),
        ("[::1]", ["[::1]:2181"], "/"),
        ("::1:2181", ["[::1]:2181"], "/"),
        ("127.0.0.1:2181/app", ["127.0.0.1:2181"], "/app"),
        // A combining mark, first in the chroot: "/" and it are one character for Swift.
        ("a:1/\u{301}", ["a:1"], "/\u{301}"),
        ("a/\u{301}a", ["a:2181"], "/\u{301}a"),
    ])
    func isRead(_ text: String, _ servers: [String], _ chroot: String) throws {
        let configuration = try ZooKeeperConfiguration(text)
        #expect(configuration.servers.map(\.description) == servers)
        #expect(configuration.chroot.string == chroot)
    }

    @Test(arguments: [
        "", ",", " ", "/chroot", ":", ":2181", "a:", "a:x", "a:0", "a:-5", "a:0x10", "a:99999", "a:+1", "[::1",
        "[::1]x",
        "[]:1", "a b:1", "a\u{0}b:1",
        // The JVM client takes this for the chroot "/a,b:2/b".
        "a:1/a,b:2/b",
    ])
    func isRefused(_ text: String) async {
        await expectFailure(.invalidConfiguration) { try ZooKeeperConfiguration(text) }
    }

    @Test(arguments: ["a:1//a", "a:1/a/", "a:1/a//b", "a:1/../b", "a:1/."])
    func aBadChrootIsRefused(_ text: String) async {
        await expectFailure(.invalidPath) { try ZooKeeperConfiguration(text) }
    }

    @Test func aBadLiteralTraps() async {
        await #expect(processExitsWith: .failure) {
            let configuration: ZooKeeperConfiguration = "a:0"
            print(configuration)
        }
    }

    @Test func badSettingsAreRefusedWithTheClient() async throws {
        let changes: [@Sendable (inout ZooKeeperConfiguration) -> Void] = [
            { $0.servers = [] },
            { $0.sessionTimeout = .zero },
            { $0.sessionTimeout = .seconds(-1) },
            { $0.sessionTimeout = .seconds(Int64.max) },
            { $0.connectTimeout = .zero },
            { $0.requestTimeout = .zero },
            { $0.leaseMargin = .seconds(-1) },
            { $0.abandonAfter = .zero },
            { $0.maximumRequestsUnderWay = 0 },
            { $0.maximumRequestsUnderWay = 16_385 },
            { $0.maximumRequestLength = 0 },
            { $0.reconnectBackoff = Backoff(initial: .zero) },
            { $0.reconnectBackoff = Backoff(initial: .seconds(2), maximum: .seconds(1)) },
        ]
        for change in changes {
            var configuration: ZooKeeperConfiguration = "a:1"
            change(&configuration)
            await expectFailure(.invalidConfiguration) { try ZooKeeperClient(configuration) }
        }
        #expect(throws: Never.self) { try ZooKeeperClient("a:1") }
    }
}
