// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// A request to release a lock, as Curator's `Revoker` makes it: a word written into the participant's node. The
/// participant decides.
enum RevocationRequest {
    /// Curator's `LockInternals.REVOKE_MESSAGE`.
    private static let message = Array("__REVOKE__".utf8)

    /// Tells whether the data of a node is such a request.
    static func isContained(in data: [UInt8]) -> Bool { data == message }

    /// Writes the request into the node of `participant`.
    ///
    /// - Returns: `false` if the node does not exist any more.
    /// - Throws: `invalidArgument` if it is no participant of that queue: the node of another recipe must not be written
    ///   to.
    static func send(to participant: Participant, of queue: QueueReader) async throws(ZooKeeperError) -> Bool {
        try participant.requireMembership(of: queue.path, queue.dialect)
        do {
            _ = try await queue.client.send(SetData(participant.path, to: message))
            return true
        } catch {
            if error.code == .noNode { return false }
            throw error
        }
    }
}
