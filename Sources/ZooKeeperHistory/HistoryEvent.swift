// SPDX-License-Identifier: Apache-2.0

/// An event in a run of several processes: an invocation, its result, or a fault. Written as a line of JSON, it
/// outlives the process that it happened in.
package struct HistoryEvent: Hashable, Sendable {
    /// The access that an operation asks for.
    package enum Access: String, Codable, Sendable, Hashable {
        case lock
        case read
        case write
        case lead

        package var isShared: Bool { self == .read }
    }

    /// A fault of a process, a server or a link.
    package enum Fault: String, Codable, Sendable, Hashable, CaseIterable {
        case killClient = "kill-client"
        case freezeClient = "freeze-client"
        case partitionClient = "partition-client"
        /// A process is told to end in an orderly way.
        case stopClient = "stop-client"
        /// A process ends its client and opens another.
        case closeClient = "close-client"
        /// All servers get other addresses, as one process sees it.
        case moveServers = "move-servers"
        case expire
        case killServer = "kill-server"
        case freezeServer = "freeze-server"
        case partitionServer = "partition-server"
        case delay
        /// A server is flooded with more requests than it admits.
        case throttleServer = "throttle-server"
    }

    package enum Kind: Sendable, Hashable {
        /// The run or a process of it begins. `detail` is for readers.
        case began(detail: String)
        case ended(detail: String)
        /// A client invokes an operation.
        case invoked(operation: String, Access)
        /// The body of the operation begins. `node` is the name of its node in the queue.
        case granted(operation: String, token: String, node: String)
        /// A guarded transaction has succeeded.
        case stamped(operation: String, zxid: Int64)
        /// The body was cancelled; `expires` is its deadline.
        case cancelled(operation: String, expires: Int64)
        /// The body has ended.
        case bodyEnded(operation: String)
        /// The call has returned.
        case returned(operation: String, outcome: String)
        /// The fenced store has accepted a write, or refused it.
        case accepted(operation: String, token: String, zxid: Int64)
        case refused(operation: String, token: String)
        /// A fault begins or ends; `number` identifies it.
        case faultBegan(number: Int64, Fault)
        case faultEnded(number: Int64)
        /// The process uses another library, in the same queue.
        case isExternal(library: String)
        /// The process is a server.
        case serves
        /// The server leads the ensemble.
        case leads
        /// All faults had ended, and there was no grant for this long. `node` is the first of the queue, and belongs to
        /// this process; both are empty if they are not known.
        case stalled(node: String, microseconds: Int64)
        /// The number of nodes that were in the queue after all sessions had ended.
        case leftInQueue(count: Int64)
    }

    /// The time in microseconds, on the clock that all processes of a machine share and that counts while it is
    /// suspended.
    package var at: Int64
    /// The process or server that the event concerns; `run` for the whole run.
    package var process: String
    package var kind: Kind

    package init(at: Int64, process: String, _ kind: Kind) {
        self.at = at
        self.process = process
        self.kind = kind
    }

    /// Creates an event that happens now.
    package init(_ process: String, _ kind: Kind) { self.init(at: Self.time(.now), process: process, kind) }

    /// Converts an instant to microseconds on the clock of ``at``.
    package static func time(_ instant: ContinuousClock.Instant) -> Int64 {
        let (seconds, attoseconds) = ContinuousClock().systemEpoch.duration(to: instant).components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
