// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import SystemPackage
import ZooKeeperHistory
import ZooKeeperRecipes
import ZooKeeperTesting

/// Another library whose processes take part in the same queue. Tests/Support/Peers/README.md describes their program.
enum ExternalLibrary: String, CaseIterable, ExpressibleByArgument, Sendable {
    case curator
    case kazoo
    case goZooKeeper = "go-zookeeper"

    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }

    /// The path of its program, which `Scripts/build-peers` builds.
    var executable: FilePath {
        switch self {
        case .curator: ".build-peers/Curator/run"
        case .kazoo: ".build-peers/Kazoo/run"
        case .goZooKeeper: ".build-peers/Go/run"
        }
    }

    /// Checks that the program exists.
    ///
    /// - Throws: ``CannotRun`` if it does not.
    func requireProgram() throws {
        do { try FileDescriptor.open(executable, .readOnly).close() } catch {
            throw CannotRun(
                description:
                    "\(executable) does not exist; run Scripts/build-peers, and start recipe-harness in the package's directory"
            )
        }
    }

    /// Returns whether it has the recipe of a workload.
    func supports(_ workload: Workload) -> Bool { self != .goZooKeeper || workload == .lock }

    /// Returns the name of its recipe for an access. go-zookeeper has a lock only, see ``supports(_:)``.
    func recipe(_ access: HistoryEvent.Access) -> String {
        switch (self, access) {
        case (.curator, .lock), (.goZooKeeper, _): "lock"
        case (.curator, .read): "read"
        case (.curator, .write): "write"
        case (.curator, .lead): "latch"
        case (.kazoo, .lock): "kazoo-lock"
        case (.kazoo, .read): "kazoo-read"
        case (.kazoo, .write): "kazoo-write"
        case (.kazoo, .lead): "election"
        }
    }
}

/// The naming schemes with which our recipes take part in a queue of the library; Curator's if there is none.
extension ExternalLibrary? {
    var lock: LockDialect { self == .kazoo ? .kazoo : .curator }
    var readWriteLock: ReadWriteLockDialect { self == .kazoo ? .kazoo : .curator }
    var election: ElectionDialect { self == .kazoo ? .kazoo : .curatorLatch }
}
