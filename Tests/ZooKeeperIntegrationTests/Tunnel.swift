// SPDX-License-Identifier: Apache-2.0

import ProcessSignals
import TestSupport
import ZooKeeperTesting

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Both sides of a TLS tunnel, made of what the article "TLS today" says: its commands make the certificates, and its
/// configurations run, with the addresses and folders of the test.
struct Tunnel {
    struct ArticleChanged: Error {
        let missing: String
    }

    private static let stunnel = "/usr/bin/stunnel"
    static let isInstalled = [stunnel, "/usr/bin/openssl"].allSatisfy { (try? readFile($0)) != nil }

    private let article: [String]
    /// The folder of certificates and configurations.
    private let directory: String

    init() async throws {
        article = try readFile("Sources/ZooKeeper/ZooKeeper.docc/TLS.md").split(
            separator: "\n", omittingEmptySubsequences: false
        ).map(String.init)
        let path = try await Program(found: "mktemp").output(["-d", "/tmp/zookeeper-test-tls.XXXXXXXX"]).lines
        directory = path.first ?? ""
    }

    func remove() async throws { _ = try await Program(found: "rm").output(["-r", directory]) }

    /// A block of the article.
    private func block(_ language: String, number: Int = 1) throws -> String {
        var rest = article[...]
        for _ in 1...number {
            guard let start = rest.firstIndex(of: "```\(language)") else { throw ArticleChanged(missing: language) }
            rest = rest[(start + 1)...]
        }
        return rest.prefix { $0 != "```" }.joined(separator: "\n")
    }

    /// Makes an authority with its certificates, as the article does.
    ///
    /// - Parameter folder: A new folder below that of the test.
    func makeCertificates(in folder: String) async throws {
        let script = "set -e; mkdir '\(directory)/\(folder)'; cd '\(directory)/\(folder)'\n" + (try block("sh"))
        let result = try await Program(found: "sh").output(["-c", "(\(script)\n) 2>/dev/null"])
        guard result.succeeded else { throw ArticleChanged(missing: "commands that succeed") }
    }

    /// Runs one side while `body` does, which gets what it logs and the port on which it listens.
    ///
    /// - Parameters:
    ///   - number: The number of the configuration in the article: 1 for the server's side, 2 for the client's.
    ///   - changes: What stands for what in the article. Each must be there.
    func run(
        _ number: Int, _ changes: [(String, String)],
        _ body: @Sendable (Program.Running, _ port: Int) async throws -> Void
    ) async throws {
        var text = try block("ini", number: number)
        // Its log goes to the test alone.
        let logging = ("foreground = yes", "foreground = quiet\noutput = /dev/stdout\ndebug = info")
        for (old, new) in changes + [logging] {
            guard text.contains(old) else { throw ArticleChanged(missing: old) }
            text = text.split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
        }
        text = text.split(separator: "/etc/stunnel/", omittingEmptySubsequences: false).joined(
            separator: "\(directory)/")
        _ = try await withTemporaryFile(containing: text, suffix: ".conf") { path in
            try await Program(guardedAt: Self.stunnel).run([path]) { running in
                let bound = "bound to 127.0.0.1:"
                try await eventually("stunnel listens") { running.lines.value.contains { $0.contains(bound) } }
                let line = running.lines.value.first { $0.contains(bound) } ?? ""
                try await body(running, Int(line.split(separator: ":").last ?? "") ?? 0)
                ProcessSignal.send(SIGTERM, to: running.pid)
            }
        }
    }
}
