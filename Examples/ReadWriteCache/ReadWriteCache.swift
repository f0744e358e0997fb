// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import SystemPackage
import ZooKeeper
import ZooKeeperRecipes

/// Keeps a copy of a catalogue in each of several processes, while other processes write new editions of it.
///
///     swift run ReadWriteCache read
///     swift run ReadWriteCache refresh --editions 3
@main struct ReadWriteCache: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ReadWriteCache",
        abstract: "Reads and renews a catalogue under a read/write lock.",
        discussion: "Exit status: 0 at the end, 1 if something went wrong, 64 for bad arguments.",
        subcommands: [Read.self, Refresh.self])

    /// The options of both commands: the servers and the node.
    struct Location: ParsableArguments {
        @Option(help: "The servers, as host:port,host:port/chroot.")
        var connect = "127.0.0.1:2181"

        @Option(help: "The node below which the catalogue and its lock are.")
        var path = "/examples/read-write-cache"

        func validate() throws {
            do { _ = (try ZooKeeperConfiguration(connect), try ZNodePath(path)) } catch {
                throw ValidationError("\(error)")
            }
        }

        func use(_ body: (Catalogue, ZooKeeperReadWriteLock) async throws -> Void) async throws {
            try await ZooKeeperClient.withClient(ZooKeeperConfiguration(connect)) { client in
                let directory = try ZNodePath(path)
                let catalogue = try Catalogue(client: client, directory: directory)
                try await catalogue.prepare()
                try await body(catalogue, ZooKeeperReadWriteLock(client, at: try directory.appending("lock")))
            }
        }
    }

    struct Read: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Keeps a copy, and prints each new one.")

        @OptionGroup var location: Location

        @Option(help: "End with this edition or a later one. Default: continue.")
        var until: Int?

        func run() async throws {
            try await location.use { catalogue, lock in
                // Each element is a new edition. Its writer still holds the lock then, so the reader waits for it.
                for try await _ in catalogue.client.updates(of: catalogue.edition) {
                    // Together with all other readers; a waiting writer precedes readers that come after it.
                    let copy = try await lock.withReadLock(waitingUpTo: .seconds(60)) { lease in
                        try await catalogue.read(under: lease)
                    }
                    printLine(copy.map { "read \($0)" } ?? "the catalogue is half written; keeping the old copy")
                    if let copy, let until, copy.edition >= until { return }
                }
            }
        }
    }

    struct Refresh: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Writes new editions.")

        @OptionGroup var location: Location

        @Option(help: "The number of editions, 1 or more.")
        var editions = 1

        func validate() throws {
            guard editions > 0 else { throw ValidationError("--editions must be 1 or more") }
        }

        func run() async throws {
            try await location.use { catalogue, lock in
                for _ in 0..<editions {
                    try await lock.withWriteLock(waitingUpTo: .seconds(60)) { lease in
                        try await catalogue.write(under: lease)
                    } thenReading: { lease, edition in
                        // As a reader, beside other readers; no process has written in between, so this is our own
                        // edition.
                        let copy = try await catalogue.read(under: lease)
                        guard let copy, copy.edition == edition else {
                            throw Unexpected("edition \(edition) is not what was written")
                        }
                        printLine("wrote \(copy)")
                    }
                }
            }
        }
    }
}

/// The error that something has happened that the lock should prevent.
struct Unexpected: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Writes a line at once, also into a pipe, where `print` would buffer it.
private func printLine(_ line: String) { _ = try? FileDescriptor.standardOutput.writeAll("\(line)\n".utf8) }
