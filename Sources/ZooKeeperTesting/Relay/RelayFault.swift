/// Something that goes wrong on a ``ZooKeeperRelay``, at one message or at many.
///
/// At a request, the server has not executed it; at the reply, it has, and the client does not know. Between the two
/// lies everything that a distributed protocol has to get right.
public struct RelayFault: Sendable, Hashable {
    /// The messages at which it can happen. Pings are never counted or touched, except by a freeze.
    public enum Point: Sendable, Hashable {
        /// A request of this type, on its way to the server.
        case request(OperationCode)
        /// The answer to a request of this type.
        case reply(to: OperationCode)
        case anyRequest
        case anyReply
        /// The news that a watch has fired.
        case watchEvent
        /// Any of the above.
        case any
    }

    /// The effect of a fault.
    public enum Effect: Sendable, Hashable {
        /// The connection is cut in place of the message.
        case cut
        /// The message is swallowed, the connection stays.
        case lose
        /// Neither this message nor any later one of its connection passes, in either direction, until
        /// ``ZooKeeperRelay/thaw()``; the connection stays open. Both sides see silence.
        case freeze
        /// The message, and with it all behind it in the same direction, is held back for this long.
        case delay(Duration)
    }

    public var effect: Effect
    public var point: Point
    /// At which of those messages, counted from 1 when the fault is injected; `nil`: at each of them.
    public var number: Int?
    /// On which of the relay's connections, counted from 1; `nil`: on any.
    public var connection: Int?

    public init(_ effect: Effect, at point: Point, number: Int? = 1, connection: Int? = nil) {
        self.effect = effect
        self.point = point
        self.number = number
        self.connection = connection
    }
}

/// One message, as far as faults care.
struct RelayMessage: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        case request(OperationCode)
        case reply(to: OperationCode)
        case watchEvent
        /// A handshake, a ping, or the packet that sets watches again: passed on, and never counted.
        case upkeep
    }

    var kind: Kind
    var connection: Int
    /// For a reply: the round trip of its connection to which the request belonged, from 1.
    var roundTrip = 0
}

/// The faults that are still to come. No I/O, no clock.
struct FaultPlan {
    private struct Armed {
        var fault: RelayFault
        var seen = 0
    }

    private var armed: [Armed] = []

    mutating func inject(_ fault: RelayFault) { armed.append(Armed(fault: fault)) }

    mutating func clear() { armed = [] }

    /// The number of single faults that have not happened yet.
    var pendingCount: Int { armed.count { $0.fault.number != nil } }

    /// Decides what happens to this message: the first fault that is due. Every fault counts every message it fits.
    mutating func effect(on message: RelayMessage) -> RelayFault.Effect? {
        var effect: RelayFault.Effect?
        for index in armed.indices.reversed() where armed[index].fault.fits(message) {
            armed[index].seen += 1
            guard let number = armed[index].fault.number else {
                effect = armed[index].fault.effect
                continue
            }
            if armed[index].seen == number {
                effect = armed[index].fault.effect
                armed.remove(at: index)
            }
        }
        return effect
    }
}

extension RelayFault {
    fileprivate func fits(_ message: RelayMessage) -> Bool {
        guard connection == nil || connection == message.connection else { return false }
        return switch (point, message.kind) {
        case (_, .upkeep): false
        case (.any, _), (.anyRequest, .request), (.anyReply, .reply), (.watchEvent, .watchEvent): true
        case (.request(let operation), .request(let actual)): operation == actual
        case (.reply(let operation), .reply(let actual)): operation == actual
        default: false
        }
    }
}
