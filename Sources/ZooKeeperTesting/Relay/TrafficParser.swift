/// Follows one connection, says what each message is, and counts it: no I/O, no clock.
struct TrafficParser {
    private let connection: Int
    private var isHandshakeSent = false
    private var isHandshakeReceived = false
    private var unanswered: [(number: Int32, operation: OperationCode, roundTrip: Int)] = []
    /// The newest round trip of which an answer has been passed on, counted from 1.
    private var answeredRoundTrip = 0
    /// The newest round trip that has begun.
    private var latestRoundTrip = 0

    /// - Parameter connection: Its number among the relay's, from 1.
    init(connection: Int) { self.connection = connection }

    /// A message from the client.
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
        if operation == .ping || operation == .setWatches { return message(.upkeep) }
        traffic.requests[operation, default: 0] += 1
        // The client may have sent it because of any answer that it has been given, and of no other.
        let roundTrip = answeredRoundTrip + 1
        if roundTrip > latestRoundTrip {
            latestRoundTrip = roundTrip
            traffic.roundTrips += 1
        }
        unanswered.append((number, operation, roundTrip))
        return message(.request(operation))
    }

    /// A message from the server.
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

    /// Notes that the client is about to be given an answer.
    mutating func passesOn(_ reply: RelayMessage) { answeredRoundTrip = max(answeredRoundTrip, reply.roundTrip) }

    private func message(_ kind: RelayMessage.Kind) -> RelayMessage {
        RelayMessage(kind: kind, connection: connection)
    }
}
