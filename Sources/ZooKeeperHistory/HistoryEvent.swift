/// One thing that happened in a run of several processes: what somebody invoked or what came of it, or what was done to
/// them. As a line of JSON it outlives the process that wrote it.
package struct HistoryEvent: Hashable, Sendable {
    /// What somebody wants of the line.
    package enum Access: String, Sendable, Hashable {
        case lock
        case read
        case write
        case lead

        package var isShared: Bool { self == .read }
    }

    /// What is done to a process, a server or a link.
    package enum Fault: String, Sendable, Hashable, CaseIterable {
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
        /// Somebody stands in line.
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
        /// This process is of another library, which shares the line with ours.
        case isExternal(library: String)
        /// This is a server.
        case serves
        /// This server leads.
        case leads
        /// Everything was mended, and still nobody was granted for so long. `node` is the first in line, of this process;
        /// both are empty if they are not known.
        case stalled(node: String, microseconds: Int64)
        /// Nodes that were in line after all sessions had ended.
        case leftInQueue(count: Int64)
    }

    /// In microseconds on the clock that all processes of a machine share, and that goes on while it is suspended.
    package var at: Int64
    /// Who, or whose.
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

// MARK: JSON

extension HistoryEvent {
    /// One line of JSON, without its end.
    package var line: String {
        var json = FlatJSON()
        json.set("at", at)
        json.set("process", process)
        func event(_ name: String, operation: String? = nil) {
            json.set("event", name)
            if let operation { json.set("operation", operation) }
        }
        switch kind {
        case .began(let detail):
            event("began")
            json.set("detail", detail)
        case .ended(let detail):
            event("ended")
            json.set("detail", detail)
        case .invoked(let operation, let access):
            event("invoked", operation: operation)
            json.set("access", access.rawValue)
        case .granted(let operation, let token, let node):
            event("granted", operation: operation)
            json.set("token", token)
            json.set("node", node)
        case .stamped(let operation, let zxid):
            event("stamped", operation: operation)
            json.set("zxid", zxid)
        case .cancelled(let operation, let expires):
            event("cancelled", operation: operation)
            json.set("expires", expires)
        case .bodyEnded(let operation): event("bodyEnded", operation: operation)
        case .returned(let operation, let outcome):
            event("returned", operation: operation)
            json.set("outcome", outcome)
        case .accepted(let operation, let token, let zxid):
            event("accepted", operation: operation)
            json.set("token", token)
            json.set("zxid", zxid)
        case .refused(let operation, let token):
            event("refused", operation: operation)
            json.set("token", token)
        case .faultBegan(let number, let fault):
            event("faultBegan")
            json.set("number", number)
            json.set("fault", fault.rawValue)
        case .faultEnded(let number):
            event("faultEnded")
            json.set("number", number)
        case .isExternal(let library):
            event("isGuest")
            json.set("library", library)
        case .serves: event("serves")
        case .leads: event("leads")
        case .stalled(let node, let microseconds):
            event("stalled")
            json.set("node", node)
            json.set("microseconds", microseconds)
        case .leftInQueue(let count):
            event("leftInLine")
            json.set("count", count)
        }
        return json.line
    }

    /// Reads what ``line`` wrote; `nil` if it is something else.
    package init?(line: String) {
        guard let json = FlatJSON(line), let at = json.number("at"), let process = json.text("process"),
            let name = json.text("event"), let kind = Self.kind(name, json)
        else { return nil }
        self.init(at: at, process: process, kind)
    }

    private static func kind(_ name: String, _ json: FlatJSON) -> Kind? {
        let operation = json.text("operation") ?? ""
        let zxid = json.number("zxid") ?? 0
        switch name {
        case "began": return .began(detail: json.text("detail") ?? "")
        case "ended": return .ended(detail: json.text("detail") ?? "")
        case "invoked": return json.text("access").flatMap(Access.init).map { .invoked(operation: operation, $0) }
        case "granted":
            return .granted(operation: operation, token: json.text("token") ?? "", node: json.text("node") ?? "")
        case "stamped": return .stamped(operation: operation, zxid: zxid)
        case "cancelled": return .cancelled(operation: operation, expires: json.number("expires") ?? 0)
        case "bodyEnded": return .bodyEnded(operation: operation)
        case "returned": return .returned(operation: operation, outcome: json.text("outcome") ?? "")
        case "accepted": return .accepted(operation: operation, token: json.text("token") ?? "", zxid: zxid)
        case "refused": return .refused(operation: operation, token: json.text("token") ?? "")
        case "faultBegan":
            return json.text("fault").flatMap(Fault.init).map { .faultBegan(number: json.number("number") ?? 0, $0) }
        case "faultEnded": return .faultEnded(number: json.number("number") ?? 0)
        case "isGuest": return .isExternal(library: json.text("library") ?? "")
        case "serves": return .serves
        case "leads": return .leads
        case "stalled":
            return .stalled(node: json.text("node") ?? "", microseconds: json.number("microseconds") ?? 0)
        case "leftInLine": return .leftInQueue(count: json.number("count") ?? 0)
        default: return nil
        }
    }
}
