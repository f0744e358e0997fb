// SPDX-License-Identifier: Apache-2.0

/// One event of a run of several processes: an operation is invoked, granted, stamped, ended; a fault begins or ends.
///
/// Events are recorded by ``HistoryRecorder``, one line of JSON each, and read back by ``HistoryReader``; a
/// ``History`` is assembled from them. <doc:CheckingAHistory> has the members of each line.
///
/// ```swift
/// HistoryEvent("c0", .invoked(operation: "c0.1", .lock))
/// ```
public struct HistoryEvent: Hashable, Sendable {
    /// The name under which events that concern the whole run are recorded: `run`.
    public static let run = "run"

    /// The access that an operation asks for.
    ///
    /// Two holds conflict unless both are ``read``.
    @nonexhaustive
    public enum Access: String, Codable, Sendable, Hashable {
        /// A lock that excludes all others.
        case lock
        /// The shared half of a read/write lock.
        case read
        /// The exclusive half of a read/write lock.
        case write
        /// The leadership of an election.
        case lead

        package var isShared: Bool { self == .read }
    }

    /// A kind of fault of a process, a server or a link.
    ///
    /// The ones below are known to the checker: some of them excuse bodies that overlap on the clock. Others, made with
    /// ``init(rawValue:)``, are drawn and counted, and excuse nothing.
    public struct Fault: RawRepresentable, Codable, Sendable, Hashable {
        /// The name of the fault, for example `kill-client`.
        public let rawValue: String

        /// Creates a kind of fault.
        ///
        /// - Parameter rawValue: Its name.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The process is killed with SIGKILL.
        public static let killClient = Fault(rawValue: "kill-client")
        /// The process is stopped with SIGSTOP, until the fault ends.
        public static let freezeClient = Fault(rawValue: "freeze-client")
        /// The process does not reach any server, until the fault ends.
        public static let partitionClient = Fault(rawValue: "partition-client")
        /// The process is told to end in an orderly way.
        public static let stopClient = Fault(rawValue: "stop-client")
        /// The process closes its client, and opens another.
        public static let closeClient = Fault(rawValue: "close-client")
        /// All servers get other addresses, as one process sees it.
        public static let moveServers = Fault(rawValue: "move-servers")
        /// The session of the process is ended on the servers.
        public static let expire = Fault(rawValue: "expire")
        /// The server is killed with SIGKILL, and started again when the fault ends.
        public static let killServer = Fault(rawValue: "kill-server")
        /// The server is stopped with SIGSTOP, until the fault ends.
        public static let freezeServer = Fault(rawValue: "freeze-server")
        /// The server is cut off from other servers, until the fault ends.
        public static let partitionServer = Fault(rawValue: "partition-server")
        /// The replies of the server are late.
        public static let delay = Fault(rawValue: "delay")
        /// The server is flooded with more requests than it admits.
        public static let throttleServer = Fault(rawValue: "throttle-server")

        /// The faults that have a name here.
        package static let allCases: [Fault] = [
            killClient, freezeClient, partitionClient, stopClient, closeClient, moveServers, expire, killServer,
            freezeServer, partitionServer, delay, throttleServer,
        ]
    }

    /// The kind of an event. New kinds may come with new versions.
    ///
    /// An *operation* is one call that asks for a lock. Its name is unique in the history; the names of its process and
    /// of the operation are chosen by the program that records.
    @nonexhaustive
    public enum Kind: Sendable, Hashable {
        /// A process begins, or begins again; of ``HistoryEvent/run``: the run begins. `detail` is for readers of the page.
        case began(detail: String)
        /// The process has ended, as it was told to, or killed. What it was doing ends with it. `detail` is for readers.
        case ended(detail: String)
        /// The process has ended, and nothing in the run was to end it: a violation.
        case crashed(detail: String)
        /// The name and value of a setting of the run, which the page shows at its head: the command that repeats it,
        /// its date, versions.
        case noted(name: String, value: String)
        /// The session time-out that the servers have granted, in microseconds; of ``HistoryEvent/run``: that of all
        /// processes. With it, the page tells for how long the node of a dead process stands in the way.
        case sessionTimeout(microseconds: Int64)
        /// A process calls an operation.
        case invoked(operation: String, Access)
        /// The operation has succeeded, and its body begins. `token` is its fencing token, as text of the same length
        /// for all; `node` is the name of its node in the queue.
        case granted(operation: String, token: String, node: String)
        /// A transaction that succeeds only while the operation's node exists has been executed, as `zxid`.
        case stamped(operation: String, zxid: Int64)
        /// The body was cancelled; `expires` is its deadline, on the clock of ``HistoryEvent/at``.
        case cancelled(operation: String, expires: Int64)
        /// The body has ended. Recorded before the lock is released.
        case bodyEnded(operation: String)
        /// The call has returned. `outcome` is a word or two for readers, for example `done` or `timedOut`.
        case returned(operation: String, outcome: String)
        /// The fenced store has accepted a write with this token, as `zxid`.
        case accepted(operation: String, token: String, zxid: Int64)
        /// The fenced store has refused a write, because it had seen a higher token.
        case refused(operation: String, token: String)
        /// A fault of the process or server begins; `number` is unique in the history.
        case faultBegan(number: Int64, Fault)
        /// The fault with this number has ended.
        case faultEnded(number: Int64)
        /// The process uses another library in the same queue. Its violations are reported apart.
        case isExternal(library: String)
        /// The name is that of a server, not of a process that uses the recipe.
        case serves
        /// The server leads the ensemble, until another does or ``noLeader``.
        case leads
        /// No server of the ensemble leads; recorded of ``HistoryEvent/run``.
        case noLeader
        /// The node that is first in the queue now, as seen from outside, with its owner as the event's process;
        /// empty if the queue is empty, or not known.
        case firstInQueue(node: String)
        /// All faults had ended, and there was no grant for this long: a violation. `node` is the first of the queue, and
        /// belongs to this process; it is empty if it is not known.
        case stalled(node: String, microseconds: Int64)
        /// The number of nodes that were in the queue after all sessions had ended; more than 0 is a violation.
        case leftInQueue(count: Int64)
    }

    /// The time in microseconds, on the clock that all processes of a machine share and that counts while it is
    /// suspended: `ContinuousClock`.
    public var at: Int64
    /// The process or server that the event concerns; ``run`` for the whole run.
    public var process: String
    /// The kind of the event, with what belongs to it.
    public var kind: Kind

    /// Creates an event.
    ///
    /// - Parameters:
    ///   - at: The time, as ``time(_:)`` gives it.
    ///   - process: The process or server that it concerns; ``run`` for the whole run.
    ///   - kind: The kind of the event.
    public init(at: Int64, process: String, _ kind: Kind) {
        self.at = at
        self.process = process
        self.kind = kind
    }

    /// Creates an event that happens now.
    ///
    /// - Parameters:
    ///   - process: The process or server that it concerns; ``run`` for the whole run.
    ///   - kind: The kind of the event.
    public init(_ process: String, _ kind: Kind) { self.init(at: Self.time(.now), process: process, kind) }

    /// Converts an instant to microseconds on the clock of ``at``.
    ///
    /// All processes of one machine agree on it until the machine is started again; processes of two machines do not.
    public static func time(_ instant: ContinuousClock.Instant) -> Int64 {
        let (seconds, attoseconds) = ContinuousClock().systemEpoch.duration(to: instant).components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
