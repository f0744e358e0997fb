// SPDX-License-Identifier: Apache-2.0

/// Parses and counts the messages of one connection. No I/O, no clock.
struct TrafficParser {
    private let connection: Int
    private var isHandshakeSent = false
    private var isHandshakeReceived = false
    private var unanswered: [(number: Int32, operation: OperationCode, roundTrip: Int)] = []
    /// The latest round trip of which a reply has been passed on, counted from 1.
    private var answeredRoundTrip = 0
    /// The latest round trip that has begun.
    private var latestRoundTrip = 0

    /// Creates the parser of a new connection.
    ///
    /// - Parameter connection: The number of the connection among the relay's, counted from 1.
    init(connection: Int) { self.connection = connection }

    /// Parses and counts a message from the client.
    mutating func sent(_ frame: Frame, _ traffic: inout Traffic) -> RelayMessage {
        traffic.bytesSent += frame.bytes.count + 4
        guard isHandshakeSent else {
            isHandshakeSent = true
            return message(.upkeep)
        }
        guard let number = frame.number(at: 0, as: Int32.self), let code = frame.number(at: 4, as: Int32.self) else {
            return message(.upkeep)
        }
        let operation = OperationCode(rawValue: code)
        if operation == .ping { return message(.upkeep) }
        if operation == .setWatches { return message(.setWatches) }
        traffic.requests[operation, default: 0] += 1
        // The client may have sent it because of any reply that it has received, and of no other.
        let roundTrip = answeredRoundTrip + 1
        if roundTrip > latestRoundTrip {
            latestRoundTrip = roundTrip
            traffic.roundTrips += 1
        }
        unanswered.append((number, operation, roundTrip))
        return message(.request(operation))
    }

    /// Parses and counts a message from the server.
    mutating func received(_ frame: Frame, _ traffic: inout Traffic) -> RelayMessage {
        traffic.bytesReceived += frame.bytes.count + 4
        guard isHandshakeReceived else {
            isHandshakeReceived = true
            return message(.upkeep)
        }
        guard let number = frame.number(at: 0, as: Int32.self) else { return message(.upkeep) }
        if number == -1 {
            traffic.watchEvents += 1
            return message(.watchEvent)
        }
        guard let index = unanswered.firstIndex(where: { $0.number == number }) else { return message(.upkeep) }
        traffic.replies += 1
        if frame.number(at: 12, as: Int32.self) != 0 { traffic.errorReplies += 1 }
        let request = unanswered.remove(at: index)
        var reply = message(.reply(to: request.operation))
        reply.roundTrip = request.roundTrip
        return reply
    }

    /// Notes that a reply is about to be passed on to the client.
    mutating func passesOn(_ reply: RelayMessage) { answeredRoundTrip = max(answeredRoundTrip, reply.roundTrip) }

    private func message(_ kind: RelayMessage.Kind) -> RelayMessage {
        RelayMessage(kind: kind, connection: connection)
    }
}
