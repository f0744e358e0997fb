import ArgumentParser
import SystemPackage
import ZooKeeperHistory
import ZooKeeperRecipes
import ZooKeeperTesting

/// Another library whose processes take part in the same queue; its program is described in Tests/Support/Peers/README.md.
enum ExternalLibrary: String, CaseIterable, ExpressibleByArgument, Sendable {
    case curator
    case kazoo

    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }

    /// The program, where `Scripts/build-peers` has put it.
    var executable: FilePath {
        switch self {
        case .curator: ".build-peers/Curator/run"
        case .kazoo: ".build-peers/Kazoo/run"
        }
    }

    /// - Throws: ``CannotRun`` if that is not there.
    func requireProgram() throws {
        do { try FileDescriptor.open(executable, .readOnly).close() } catch {
            throw CannotRun(description: "there is no \(executable) here: Scripts/build-peers makes it")
        }
    }

    /// Its recipe for an access.
    func recipe(_ access: HistoryEvent.Access) -> String {
        switch (self, access) {
        case (.curator, .lock): "lock"
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

/// The naming scheme with which our recipes take part in the queue of a library.
extension ExternalLibrary? {
    var lock: LockDialect { self == .kazoo ? .kazoo : .curator }
    var readWriteLock: ReadWriteLockDialect { self == .kazoo ? .kazoo : .curator }
    var election: ElectionDialect { self == .kazoo ? .kazoo : .curatorLatch }
}
