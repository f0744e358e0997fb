// SPDX-License-Identifier: Apache-2.0

/// One step that the world may take. Traces consist of the texts of choices, and are replayed from these.
package struct Choice: Sendable, Hashable, CustomStringConvertible {
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        // Steps that always go on.
        case start
        /// A caller that has looked for leftovers joins the queue.
        case join
        /// The server receives the client's next request.
        case serve
        /// The client receives what the server sent next.
        case receive
        case reconnect
        /// The same, with the watches that fire because of it in the other order.
        case reconnectReversed
        /// The client goes on through a new handle: twice the number of states that its server lags behind, plus one to set
        /// the watches again in the other order.
        case move
        /// The server of a client has caught up with the others.
        case catchUp
        /// The holder is done: it releases, or goes on to the next step of its role.
        case release
        /// The server executes the next request of an old connection.
        case late
        /// The requests of an old connection are dropped.
        case dropLate
        /// The server ends a session that its client has given up or closed.
        case expireAbandoned
        /// Contenders are told that the session is being closed.
        case notifyClosing
        /// The session is told to end as soon as nothing is held.
        case endWhenFree
        /// The session is closed: all is drained, or it has taken too long.
        case closeSession
        /// Answers of the leader move the deadline of leases again.
        case inTimeAgain
        /// All clients may delete in the directory again.
        case permit

        // Steps that go on after a pause.
        /// Actions that a machine has put off are taken.
        case resume
        /// A downgrade that was throttled is tried again.
        case downgradeAgain
        /// The janitor looks again.
        case look
        /// The janitor tries a removal again.
        case removeAgain

        // Faults.
        case cut
        case cutLate
        case expire
        case abandon
        case overdue
        case overdueForLong
        case expireHeld
        case leave
        case close
        case throttle
        /// The connection is lost while a pipeline is handed over, whose last request goes out by the next one.
        case split
        case delete
        case deleteTwo
        case write
        case reap
        case holdForLong
        case createTwice
        case missed

        package var isFault: Bool {
            switch self {
            case .start, .join, .serve, .receive, .reconnect, .reconnectReversed, .move, .catchUp, .release, .late,
                .dropLate,
                .expireAbandoned, .notifyClosing, .endWhenFree, .closeSession, .inTimeAgain, .permit:
                false
            default: !isPaced
            }
        }

        /// `true` if time passes before it: a circle of steps with one of these does not spin.
        package var isPaced: Bool {
            switch self {
            case .resume, .downgradeAgain, .look, .removeAgain: true
            default: false
            }
        }
    }

    package var kind: Kind
    /// The number of the client, or the index of the node in the queue, counted from 0.
    package var index = 0
    /// The number of the client's caller, the index among several things, or the number of states that the server lags
    /// behind.
    package var other = 0

    package init(_ kind: Kind, _ index: Int = 0, _ other: Int = 0) {
        self.kind = kind
        self.index = index
        self.other = other
    }

    package var description: String {
        switch kind {
        case .reap, .permit: kind.rawValue
        case .delete, .write, .expireAbandoned: "\(kind.rawValue):\(index)"
        case .missed: "\(Client.letter(index)):\(kind.rawValue):\(other)"
        case .deleteTwo: "\(kind.rawValue):\(index):\(other)"
        default: "\(Client.letter(index)):\(kind.rawValue)" + (other > 0 ? ":\(other)" : "")
        }
    }
}
