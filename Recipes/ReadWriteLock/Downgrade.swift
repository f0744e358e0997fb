// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// Makes a writer a reader, with no moment between in which it is neither.
///
/// One transaction creates a reader's node with the writer's digits and deletes the writer's node: the format of
/// Curator since 5.5 (`InterProcessReadWriteLock`, CURATOR-621), which does it in two steps. A participant that waits
/// behind the writer's number waits behind the reader's.
struct Downgrade {
    let session: ZooKeeperSession
    let settings: ContenderSettings

    private var directory: ZNodePath { settings.directory }

    /// - Returns: The name of the reader's node; `nil` if the writer's node is not there any more.
    /// - Throws: Why it is not known or not done.
    func run(from writer: String) async throws(ZooKeeperError) -> String? {
        guard let reader = settings.dialect.reader(from: writer) else {
            throw ZooKeeperError(.invalidArgument, message: "\(writer) is not the node of a writer")
        }
        let exchange = TransactionList([
            Create(
                directory.child(reader), data: settings.data, mode: .ephemeral, accessControl: settings.accessControl),
            Delete(directory.child(writer)),
        ])
        var attempt = 0
        while true {
            do {
                _ = try await session.send(exchange)
                return reader
            } catch {
                switch (error.code, error.failedOperation) {
                // Done by an earlier attempt whose answer was lost.
                case (.nodeExists, 0): return reader
                case (.noNode, _): return nil
                case (.connectionLoss, _):
                    // The names say what became of it; by another server, only after a sync.
                    try await session.send(Sync(directory))
                    if try await session.send(Exists(directory.child(reader))) != nil { return reader }
                case (.throttled, _):
                    attempt += 1
                    await Backoff(initial: .milliseconds(50), maximum: .seconds(2)).pause(beforeAttempt: attempt)
                default: throw error
                }
            }
        }
    }
}

extension LineDialect {
    /// The name of the node that the writer with this name has as a reader.
    func reader(from writer: String) -> String? {
        guard let shared = markers.first(where: { $0.kind == .shared }),
            let exclusive = markers.first(where: { $0.kind == .exclusive }),
            let range = writer.ranges(of: exclusive.written).last
        else { return nil }
        return writer[..<range.lowerBound] + shared.written + writer[range.upperBound...]
    }
}
