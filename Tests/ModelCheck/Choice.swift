/// One step that the world may take. Its text is what a trace consists of, and what is replayed.
package struct Choice: Sendable, Hashable, CustomStringConvertible {
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        // What always goes on.
        case start
        /// The server receives the client's next request.
        case serve
        /// The client receives what the server sent next.
        case receive
        case reconnect
        /// The same, with the watches that fire because of it in the other order.
        case reconnectReversed
        /// Whoever holds it is done: gives it back, or goes on to what its part says.
        case release
        /// The server executes what an old connection brought.
        case late
        /// It never will.
        case dropLate
        /// The janitor looks again.
        case look
        /// The server ends a session that its client has given up.
        case expireAbandoned

        // Faults.
        case cut
        case cutLate
        case expire
        case abandon
        case overdue
        case expireHeld
        case leave
        case delete
        case deleteTwo
        case write
        case reap
        case holdForLong
        case createTwice
        case missed

        package var isFault: Bool {
            switch self {
            case .start, .serve, .receive, .reconnect, .reconnectReversed, .release, .late, .dropLate, .look,
                .expireAbandoned:
                false
            default: true
            }
        }
    }

    package var kind: Kind
    /// Which client, counted from 0; or which node of the line, the first first.
    package var index = 0
    package var other = 0

    package init(_ kind: Kind, _ index: Int = 0, _ other: Int = 0) {
        self.kind = kind
        self.index = index
        self.other = other
    }

    package var description: String {
        switch kind {
        case .reap: kind.rawValue
        case .delete, .write, .expireAbandoned: "\(kind.rawValue):\(index)"
        case .missed: "\(Client.letter(index)):\(kind.rawValue):\(other)"
        case .deleteTwo: "\(kind.rawValue):\(index):\(other)"
        default: "\(Client.letter(index)):\(kind.rawValue)"
        }
    }
}
