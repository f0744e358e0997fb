/// One event in a run of several processes: an invocation and its result, or something that was done to
/// them. As a line of JSON it outlives the process that wrote it.
package struct HistoryEvent: Hashable, Sendable {
    /// The access that a process asks for.
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
        /// A process is told to end in good order.
        case stopClient = "stop-client"
        /// A process ends its client and opens another.
        case closeClient = "close-client"
        case expire
        case killServer = "kill-server"
        case freezeServer = "freeze-server"
        case partitionServer = "partition-server"
        case delay
        /// A server has more to do than it takes.
        case throttleServer = "throttle-server"
    }

    package enum Kind: Sendable, Hashable {
        /// The run, or a process of it. `detail` is for people.
        case began(detail: String)
        case ended(detail: String)
        /// A process waits in the queue.
        case invoked(operation: String, Access)
        /// The body runs. `node` is the name of its node.
        case granted(operation: String, token: String, node: String)
        /// A guarded transaction went through.
        case stamped(operation: String, zxid: Int64)
        /// The body was cancelled; `expires` is the deadline it went by.
        case cancelled(operation: String, expires: Int64)
        /// The body has ended.
        case bodyEnded(operation: String)
        /// The call has returned.
        case returned(operation: String, outcome: String)
        /// The fenced store has taken a write, or refused it.
        case accepted(operation: String, token: String, zxid: Int64)
        case refused(operation: String, token: String)
        /// `number` tells faults apart.
        case faultBegan(number: Int64, Fault)
        case faultEnded(number: Int64)
        /// This process is of another library, which shares the queue with ours.
        case isExternal(library: String)
        /// This is a server.
        case serves
        /// This server leads.
        case leads
        /// Everything was mended, and still nobody was granted for so long. `node` is the first in the queue, of this
        /// process; both are empty if they are not known.
        case stalled(node: String, microseconds: Int64)
        /// Nodes that were in the queue after all sessions had ended.
        case leftInQueue(count: Int64)
    }

    /// In microseconds on the clock that all processes of a machine share, and that goes on while it is suspended.
    package var at: Int64
    /// The process, or the server, that it happened to.
    package var process: String
    package var kind: Kind

    package init(at: Int64, process: String, _ kind: Kind) {
        self.at = at
        self.process = process
        self.kind = kind
    }

    /// Happens now.
    package init(_ process: String, _ kind: Kind) { self.init(at: Self.time(.now), process: process, kind) }

    /// An instant as ``at`` counts.
    package static func time(_ instant: ContinuousClock.Instant) -> Int64 {
        let (seconds, attoseconds) = ContinuousClock().systemEpoch.duration(to: instant).components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
