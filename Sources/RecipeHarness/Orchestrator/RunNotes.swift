// SPDX-License-Identifier: Apache-2.0

import CZooKeeper
import Subprocess
import SystemPackage
import ZooKeeper
import ZooKeeperHistory
import ZooKeeperTesting

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The settings and versions of a run, which the page shows at its head: what is needed to repeat it.
struct RunNotes: Sendable {
    private let settings: Settings
    private let servers: ServerConfiguration

    init(_ settings: Settings, _ servers: ServerConfiguration) {
        self.settings = settings
        self.servers = servers
    }

    /// Records them. Those that cannot be found are left out.
    func record(_ ensemble: Ensemble, _ recorder: Recorder) async {
        let notes: [(String, String?)] = [
            ("program", "recipe-harness"),
            ("command", "swift run recipe-harness " + settings.arguments.joined(separator: " ")),
            ("date", Date.now.formatted(.iso8601)),
            ("versions", await versions(ensemble).joined(separator: ", ")),
        ]
        for case (let name, let value?) in notes { recorder.record("run", .noted(name: name, value: value)) }
        // As the servers grant it.
        let timeout = min(
            max(RunConstants.sessionTimeout, servers.minimumSessionTimeout), servers.maximumSessionTimeout)
        recorder.record("run", .sessionTimeout(microseconds: Int64(timeout / .microseconds(1))))
    }

    private func versions(_ ensemble: Ensemble) async -> [String] {
        // The checkout that this program was built in.
        let directory = FilePath(CommandLine.arguments[0]).removingLastComponent().string
        let checkout = await output("git", ["-C", directory, "describe", "--tags", "--always", "--dirty"])
        var parts: [(String, String?)] = [
            ("swift-zookeeper", checkout), ("ZooKeeper server", await Self.serverVersion(of: ensemble)),
            ("C client", ZOO_VERSION), ("Swift", Self.compiler),
        ]
        if let library = settings.library { parts.append((library.rawValue, await version(of: library))) }
        return parts.compactMap { name, version in version.map { "\(name) \($0)" } }
    }

    /// Returns the version of ZooKeeper, as one of the servers states it; `nil` if it does not answer.
    static func serverVersion(of ensemble: Ensemble) async -> String? {
        let prefix = "Zookeeper version: "
        let lines = (try? await ensemble.servers.first?.ask("srvr"))?.split(separator: "\n") ?? []
        return lines.first { $0.hasPrefix(prefix) }.map {
            String($0.dropFirst(prefix.count).prefix { $0 != "," && $0 != "-" })
        }
    }

    /// Returns the version of the other library, as the system's package or Python's states it.
    private func version(of library: ExternalLibrary) async -> String? {
        switch library {
        case .curator: await output("dpkg-query", ["-W", "-f", "${Version}", "libcurator-recipes-java"])
        case .goZooKeeper:
            await output("dpkg-query", ["-W", "-f", "${Version}", "golang-github-samuel-go-zookeeper-dev"])
        case .kazoo:
            await output(
                ".build-peers/Kazoo/venv/bin/python",
                ["-c", "import importlib.metadata as m; print(m.version('kazoo'))"])
        }
    }

    /// Runs a program, and returns the first line that it prints; `nil` if it fails or does not exist.
    private func output(_ program: String, _ arguments: [String]) async -> String? {
        let result = try? await Subprocess.run(
            program.contains("/") ? .path(FilePath(program)) : .name(program), arguments: Arguments(arguments),
            output: .string(limit: 1_000), error: .discarded)
        guard let result, result.terminationStatus.isSuccess else { return nil }
        return result.standardOutput.split(separator: "\n").first.map(String.init)
    }

    /// The version of the compiler that built this program, as far as a program can know it.
    private static var compiler: String {
        #if compiler(>=6.4)
        "6.4 or newer"
        #elseif compiler(>=6.3.1)
        "6.3.1 or newer"
        #else
        "6.3"
        #endif
    }
}
