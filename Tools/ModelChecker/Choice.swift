/// One step that the world may take. Its text is what a trace consists of, and what is replayed.
package struct Choice: Sendable, Hashable, CustomStringConvertible {
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        // What always goes on.
        case start
        /// A caller that has looked for leftovers joins the line.
        case join
        /// The server receives the client's next request.
        case serve
        /// The client receives what the server sent next.
        case receive
        case reconnect
        /// The same, with the watches that fire because of it in the other order.
        case reconnectReversed
        /// The server of a client has caught up with the others.
        case catchUp
        /// Whoever holds it is done: gives it back, or goes on to what its part says.
        case release
        /// The server executes what an old connection brought.
        case late
        /// It never will.
        case dropLate
        /// The server ends a session that its client has given up or closed.
        case expireAbandoned
        /// Contenders hear that the session is being closed.
        case tellRetiring
        /// The session is told to end as soon as nothing is held.
        case endWhenFree
        /// The session is closed: all is drained, or it has taken too long.
        case goodbye
        /// Answers of the leader move the deadline of leases again.
        case inTimeAgain
        /// Everybody may delete in the directory again.
        case permit

        // What goes on after a while.
        /// What a machine has put off is done.
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
            case .start, .join, .serve, .receive, .reconnect, .reconnectReversed, .catchUp, .release, .late, .dropLate,
                .expireAbandoned, .tellRetiring, .endWhenFree, .goodbye, .inTimeAgain, .permit:
                false
            default: !isPaced
            }
        }

        /// Whether time goes by before it: a circle of steps with one of these does not spin.
        package var isPaced: Bool {
            switch self {
            case .resume, .downgradeAgain, .look, .removeAgain: true
            default: false
            }
        }
    }

    package var kind: Kind
    /// Which client, counted from 0; or which node of the line, the first first.
    package var index = 0
    /// Which caller of the client, which of several things, or how many states the server lags behind.
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
