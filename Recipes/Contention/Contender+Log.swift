// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization
import ZooKeeper

// The life of a contender as an operator can follow it, at level debug.

extension Contender {
    /// Writes a line about this contender. Nothing of it is made unless somebody reads it.
    private func debug(_ message: @autoclosure () -> Logger.Message, _ metadata: () -> Logger.Metadata) {
        guard logsDebug else { return }
        var metadata = metadata()
        metadata[LogKeys.lockPath] = "\(directory)"
        metadata[LogKeys.sessionID] = "\(session.idText)"
        BackgroundLog.write(session.logger, .debug, message(), metadata)
    }

    func logJoining() { debug("Joining the queue of a lock") { [:] } }

    /// - Parameter blocker: The nearest in the way.
    func logWaiting(_ blocker: String) {
        debug("Waiting behind a participant") {
            let position = state.withLock { $0.machine.position }
            return [
                LogKeys.node: "\(position?.node ?? "")", LogKeys.blocker: "\(blocker)",
                LogKeys.ahead: "\(position?.ahead ?? 0)",
            ]
        }
    }

    func logGranted(_ lease: LeaseCore) {
        debug("The lock is granted") {
            [
                LogKeys.node: "\(lease.nodePath.name)", LogKeys.fencingToken: "\(lease.token)",
                LogKeys.waited: "\(startedAt.duration(to: .now))",
            ]
        }
    }

    /// - Parameter message: How the hold has ended.
    func logEnd(_ message: Logger.Message, of name: String) {
        debug(message) {
            var metadata: Logger.Metadata = [LogKeys.node: "\(name)"]
            if let grantedAt = state.withLock({ $0.grantedAt }) {
                metadata[LogKeys.held] = "\(grantedAt.duration(to: .now))"
            }
            return metadata
        }
    }

    func logFailure(_ reason: ContenderMachine.Reason) {
        debug("The lock is not acquired") {
            [LogKeys.reason: "\(reason)", LogKeys.waited: "\(startedAt.duration(to: .now))"]
        }
    }
}
