// SPDX-License-Identifier: Apache-2.0

/// A fault on a ``ZooKeeperRelay``, at one message or at many.
///
/// At a request, the server has not executed it; at its reply, the server has executed it, and the client does not
/// know. A client of a distributed system has to handle both.
public struct RelayFault: Sendable, Hashable {
    /// The messages that a fault applies to. Pings are neither counted nor affected, except by a freeze.
    @nonexhaustive
    public enum Point: Sendable, Hashable {
        /// A request of this type, on its way to the server. That of type `setWatches`, by which a client sets its
        /// watches again on a new connection, is affected by nothing else.
        case request(OperationCode)
        /// The reply to a request of this type.
        case reply(to: OperationCode)
        /// Any request.
        case anyRequest
        /// Any reply.
        case anyReply
        /// A watch event.
        case watchEvent
        /// Any request, reply or watch event.
        case any
    }

    /// The effect of a fault.
    @nonexhaustive
    public enum Effect: Sendable, Hashable {
        /// The connection is cut in place of the message.
        case cut
        /// The message is dropped; the connection stays.
        case drop
        /// Neither this message nor any later one of its connection passes, in either direction, until
        /// ``ZooKeeperRelay/thaw()``. The connection stays open, and both sides receive nothing.
        case freeze
        /// The message, and with it all later ones in the same direction, is held back for this long.
        case delay(Duration)
    }

    /// The effect.
    public var effect: Effect
    /// The messages that the fault applies to.
    public var point: Point
    /// The number of the message among those, counted from 1 when the fault is injected; `nil`: every one of them.
    public var number: Int?
    /// The number of the relay's connection, counted from 1; `nil`: any.
    public var connection: Int?

    /// Creates a fault; by default it happens once, at the next message that it applies to.
    ///
    /// - Parameters:
    ///   - effect: The effect.
    ///   - point: The messages that the fault applies to.
    ///   - number: The number of the message among those, counted from 1 when the fault is injected; `nil`: every one.
    ///   - connection: The number of the relay's connection, counted from 1; `nil`: any.
    public init(_ effect: Effect, at point: Point, number: Int? = 1, connection: Int? = nil) {
        self.effect = effect
        self.point = point
        self.number = number
        self.connection = connection
    }
}

/// The properties of a message that faults depend on.
struct RelayMessage: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        case request(OperationCode)
        case reply(to: OperationCode)
        case watchEvent
        /// The packet that sets watches again: never counted.
        case setWatches
        /// A handshake or a ping: passed on, and never counted.
        case upkeep
    }

    var kind: Kind
    var connection: Int
    /// The round trip of the connection to which the request of a reply belonged, counted from 1; 0 for other messages.
    var roundTrip = 0
}

/// The faults that have not happened yet. No I/O, no clock.
struct FaultPlan {
    private struct Armed {
        var fault: RelayFault
        var seen = 0
    }

    private var armed: [Armed] = []

    mutating func inject(_ fault: RelayFault) { armed.append(Armed(fault: fault)) }

    mutating func clear() { armed = [] }

    /// The number of faults with a ``RelayFault/number`` that have not happened yet.
    var pendingCount: Int { armed.count { $0.fault.number != nil } }

    /// Counts a message for every fault that applies to it, and returns the effect of the first fault that is due.
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
        case (.request(.setWatches), .setWatches): true
        case (_, .upkeep), (_, .setWatches): false
        case (.any, _), (.anyRequest, .request), (.anyReply, .reply), (.watchEvent, .watchEvent): true
        case (.request(let operation), .request(let actual)): operation == actual
        case (.reply(let operation), .reply(let actual)): operation == actual
        default: false
        }
    }
}
