// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// One line of a history as JSON. Each kind of event has some of its members.
private struct HistoryLine: Codable {
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
    var name: String?
    var node: String?
    var number: Int64?
    var outcome: String?
    var token: String?
    var value: String?
    var zxid: Int64?

    init(_ event: HistoryEvent) {
        at = event.at
        process = event.process
        switch event.kind {
        case .began(let detail): (self.event, self.detail) = ("began", detail)
        case .ended(let detail): (self.event, self.detail) = ("ended", detail)
        case .crashed(let detail): (self.event, self.detail) = ("crashed", detail)
        case .noted(let name, let value): (self.event, self.name, self.value) = ("noted", name, value)
        case .sessionTimeout(let time): (self.event, self.microseconds) = ("sessionTimeout", time)
        case .invoked(let operation, let access):
            (self.event, self.operation, self.access) = ("invoked", operation, access)
        case .granted(let operation, let token, let node):
            (self.event, self.operation, self.token, self.node) = ("granted", operation, token, node)
        case .stamped(let operation, let zxid): (self.event, self.operation, self.zxid) = ("stamped", operation, zxid)
        case .cancelled(let operation, let expires):
            (self.event, self.operation, self.expires) = ("cancelled", operation, expires)
        case .bodyEnded(let operation): (self.event, self.operation) = ("bodyEnded", operation)
        case .returned(let operation, let outcome):
            (self.event, self.operation, self.outcome) = ("returned", operation, outcome)
        case .accepted(let operation, let token, let zxid):
            (self.event, self.operation, self.token, self.zxid) = ("accepted", operation, token, zxid)
        case .refused(let operation, let token):
            (self.event, self.operation, self.token) = ("refused", operation, token)
        case .faultBegan(let number, let fault): (self.event, self.number, self.fault) = ("faultBegan", number, fault)
        case .faultEnded(let number): (self.event, self.number) = ("faultEnded", number)
        case .isExternal(let library): (self.event, self.library) = ("isExternal", library)
        case .serves: self.event = "serves"
        case .leads: self.event = "leads"
        case .noLeader: self.event = "noLeader"
        case .firstInQueue(let node): (self.event, self.node) = ("firstInQueue", node)
        case .stalled(let node, let time): (self.event, self.node, self.microseconds) = ("stalled", node, time)
        case .leftInQueue(let count): (self.event, self.count) = ("leftInQueue", count)
        }
    }

    var kind: HistoryEvent.Kind {
        get throws(HistoryLineError) {
            switch event {
            case "began": .began(detail: try require(detail, "detail"))
            case "ended": .ended(detail: try require(detail, "detail"))
            case "crashed": .crashed(detail: try require(detail, "detail"))
            case "noted": .noted(name: try require(name, "name"), value: try require(value, "value"))
            case "sessionTimeout": .sessionTimeout(microseconds: try require(microseconds, "microseconds"))
            case "invoked": .invoked(operation: try named, try require(access, "access"))
            case "granted":
                .granted(operation: try named, token: try require(token, "token"), node: try require(node, "node"))
            case "stamped": .stamped(operation: try named, zxid: try require(zxid, "zxid"))
            case "cancelled": .cancelled(operation: try named, expires: try require(expires, "expires"))
            case "bodyEnded": .bodyEnded(operation: try named)
            case "returned": .returned(operation: try named, outcome: try require(outcome, "outcome"))
            case "accepted":
                .accepted(operation: try named, token: try require(token, "token"), zxid: try require(zxid, "zxid"))
            case "refused": .refused(operation: try named, token: try require(token, "token"))
            case "faultBegan": .faultBegan(number: try require(number, "number"), try require(fault, "fault"))
            case "faultEnded": .faultEnded(number: try require(number, "number"))
            case "isExternal": .isExternal(library: try require(library, "library"))
            case "serves": .serves
            case "leads": .leads
            case "noLeader": .noLeader
            case "firstInQueue": .firstInQueue(node: try require(node, "node"))
            case "stalled":
                .stalled(node: try require(node, "node"), microseconds: try require(microseconds, "microseconds"))
            case "leftInQueue": .leftInQueue(count: try require(count, "count"))
            default: throw HistoryLineError(reason: "\"\(event)\" is not the name of an event")
            }
        }
    }

    private var named: String {
        get throws(HistoryLineError) { try require(operation, "operation") }
    }

    private func require<Value>(_ value: Value?, _ name: String) throws(HistoryLineError) -> Value {
        guard let value else { throw HistoryLineError(reason: "an event \"\(event)\" needs the member \"\(name)\"") }
        return value
    }
}

/// The reason why a line is not an event.
struct HistoryLineError: Error {
    var reason: String
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
        guard let event = try? HistoryEvent(parsing: line) else { return nil }
        self = event
    }

    init(parsing line: some StringProtocol) throws(HistoryLineError) {
        let members: HistoryLine
        do { members = try JSONDecoder().decode(HistoryLine.self, from: Data(line.utf8)) } catch {
            throw HistoryLineError(reason: Self.reason(error))
        }
        self.init(at: members.at, process: members.process, try members.kind)
    }

    private static func reason(_ error: any Error) -> String {
        func name(_ path: [any CodingKey]) -> String {
            path.last.map { "the member \"\($0.stringValue)\"" } ?? "the line"
        }
        switch error as? DecodingError {
        case .keyNotFound(let key, _): return "the member \"\(key.stringValue)\" is missing"
        case .typeMismatch(_, let context): return "\(name(context.codingPath)) has the wrong type"
        case .valueNotFound(_, let context): return "\(name(context.codingPath)) is null"
        case .dataCorrupted(let context) where !context.codingPath.isEmpty:
            return "\(name(context.codingPath)) has a value that is not known"
        default: return "it is not an object of JSON"
        }
    }

    /// Reads the bytes of a file.
    static func contents(of path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: path))) }
}
