// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// One line of a history as JSON. Each kind of event has some of its members.
struct HistoryLine: Codable {
    var at: Int64
    var process: String
    var event: String
    var operation: String?
    var access: HistoryEvent.Access?
    var count: Int64?
    var detail: String?
    var expires: Int64?
    var fault: HistoryEvent.Fault?
    var library: String?
    var microseconds: Int64?
    var node: String?
    var number: Int64?
    var outcome: String?
    var token: String?
    var zxid: Int64?

    init(_ event: HistoryEvent) {
        at = event.at
        process = event.process
        self.event = event.kind.name
        switch event.kind {
        case .began(let detail), .ended(let detail): self.detail = detail
        case .invoked(let operation, let access): (self.operation, self.access) = (operation, access)
        case .granted(let operation, let token, let node):
            (self.operation, self.token, self.node) = (operation, token, node)
        case .stamped(let operation, let zxid): (self.operation, self.zxid) = (operation, zxid)
        case .cancelled(let operation, let expires): (self.operation, self.expires) = (operation, expires)
        case .bodyEnded(let operation): self.operation = operation
        case .returned(let operation, let outcome): (self.operation, self.outcome) = (operation, outcome)
        case .accepted(let operation, let token, let zxid):
            (self.operation, self.token, self.zxid) = (operation, token, zxid)
        case .refused(let operation, let token): (self.operation, self.token) = (operation, token)
        case .faultBegan(let number, let fault): (self.number, self.fault) = (number, fault)
        case .faultEnded(let number): self.number = number
        case .isExternal(let library): self.library = library
        case .serves, .leads: break
        case .stalled(let node, let microseconds): (self.node, self.microseconds) = (node, microseconds)
        case .leftInQueue(let count): self.count = count
        }
    }

    /// The kind of the event; `nil` if a member that it needs is missing.
    fileprivate var kind: HistoryEvent.Kind? {
        switch event {
        case "began": detail.map { .began(detail: $0) }
        case "ended": detail.map { .ended(detail: $0) }
        case "invoked": all(operation, access).map { .invoked(operation: $0, $1) }
        case "granted":
            all(operation, all(token, node)).map { .granted(operation: $0, token: $1.0, node: $1.1) }
        case "stamped": all(operation, zxid).map { .stamped(operation: $0, zxid: $1) }
        case "cancelled": all(operation, expires).map { .cancelled(operation: $0, expires: $1) }
        case "bodyEnded": operation.map { .bodyEnded(operation: $0) }
        case "returned": all(operation, outcome).map { .returned(operation: $0, outcome: $1) }
        case "accepted":
            all(operation, all(token, zxid)).map { .accepted(operation: $0, token: $1.0, zxid: $1.1) }
        case "refused": all(operation, token).map { .refused(operation: $0, token: $1) }
        case "faultBegan": all(number, fault).map { .faultBegan(number: $0, $1) }
        case "faultEnded": number.map { .faultEnded(number: $0) }
        case "isGuest": library.map { .isExternal(library: $0) }
        case "serves": .serves
        case "leads": .leads
        case "stalled": all(node, microseconds).map { .stalled(node: $0, microseconds: $1) }
        case "leftInLine": count.map { .leftInQueue(count: $0) }
        default: nil
        }
    }

    private func all<First, Second>(_ first: First?, _ second: Second?) -> (First, Second)? {
        guard let first, let second else { return nil }
        return (first, second)
    }
}

extension HistoryEvent.Kind {
    /// The value of `event` in the file.
    fileprivate var name: String {
        switch self {
        case .began: "began"
        case .ended: "ended"
        case .invoked: "invoked"
        case .granted: "granted"
        case .stamped: "stamped"
        case .cancelled: "cancelled"
        case .bodyEnded: "bodyEnded"
        case .returned: "returned"
        case .accepted: "accepted"
        case .refused: "refused"
        case .faultBegan: "faultBegan"
        case .faultEnded: "faultEnded"
        case .isExternal: "isGuest"
        case .serves: "serves"
        case .leads: "leads"
        case .stalled: "stalled"
        case .leftInQueue: "leftInLine"
        }
    }
}

extension HistoryEvent {
    /// The event as one line of JSON, without the line's end.
    package var line: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Strings and whole numbers can always be encoded.
        guard let data = try? encoder.encode(HistoryLine(self)) else { return "" }
        return String(decoding: data, as: UTF8.self)
    }

    /// Parses a line; `nil` if it is not an event, such as the half line of a process that was killed.
    package init?(line: String) {
        guard let members = try? JSONDecoder().decode(HistoryLine.self, from: Data(line.utf8)), let kind = members.kind
        else { return nil }
        self.init(at: members.at, process: members.process, kind)
    }
}
