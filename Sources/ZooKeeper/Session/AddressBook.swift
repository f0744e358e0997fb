// SPDX-License-Identifier: Apache-2.0

/// Decides when the names of the servers are asked for again, and when a session goes on through a new handle of the
/// transport: a value without clocks and I/O.
///
/// As soon as there is no connection the names are asked for, and then once a second. If they stand for other addresses
/// than those that are tried, and no connection has come within a sixth of the time-out, the session moves to these. If
/// they do not, and a server is found that serves clients, the session moves to begin with that one: the C client gives an
/// address two thirds of the time-out, and one that swallows packets would use up most of it. A handshake that is slow is
/// interrupted once for each of these, and then left alone for as long as the C client would leave it alone.
package struct AddressBook: Sendable, Hashable {
    package enum Action: Sendable, Hashable {
        /// Ask for the addresses, in the background.
        case resolve
        /// Try these addresses, in this order, through a new handle.
        case connect([String])
        /// As `connect`, if the present handle hangs at an address; not if the servers refuse it.
        case reorder([String])
        /// There never was an address.
        case giveUp(String)
    }

    /// The addresses that the transport tries, in this order.
    package private(set) var used: [String] = []
    /// The addresses that the names stand for, as of the last time that they could be resolved.
    private var known: [String] = []
    private var isResolving = false
    /// The moment at which the names were asked for last.
    private var askedAt: Moment?
    /// Tells whether a new handle is being made.
    private var isConnecting = false
    /// The moment since which this handle has no connection.
    private var waitingSince: Moment?
    /// Tells whether it has moved since it had one.
    private var hasMoved = false
    /// The moment at which it began with another server last, since it had one.
    private var reorderedAt: Moment?
    private var isReordering = false
    /// The least time between two questions.
    private static let interval: Duration = .seconds(1)

    package init() {}

    /// Begins: the names are asked for.
    package mutating func open(at now: Moment) -> [Action] { ask(at: now) }

    private mutating func ask(at now: Moment) -> [Action] {
        isResolving = true
        askedAt = now
        return [.resolve]
    }

    /// The names stand for these addresses.
    package mutating func resolved(_ addresses: [String], at now: Moment, timeout: Duration) -> [Action] {
        isResolving = false
        known = addresses
        if used.isEmpty { return connect(to: addresses) }
        return moveIfDue(at: now, timeout)
    }

    /// None of the names can be resolved.
    package mutating func notResolved(_ reason: String) -> [Action] {
        isResolving = false
        return used.isEmpty && known.isEmpty ? [.giveUp(reason)] : []
    }

    /// The transport tries the addresses from now on.
    package mutating func connecting(at now: Moment) {
        isConnecting = false
        if isReordering { reorderedAt = now } else { hasMoved = waitingSince != nil }
        isReordering = false
        waitingSince = now
    }

    /// The transport goes on with the handle that it had: a connection may be about to come.
    ///
    /// - Parameter addresses: The addresses that this one tries.
    package mutating func kept(_ addresses: [String], at now: Moment) {
        used = addresses
        isConnecting = false
        isReordering = false
        if waitingSince != nil { waitingSince = now }
    }

    package mutating func connected() {
        waitingSince = nil
        hasMoved = false
        reorderedAt = nil
    }

    package mutating func disconnected(at now: Moment) -> [Action] {
        if waitingSince == nil { waitingSince = now }
        return askIfDue(at: now)
    }

    /// Time has passed.
    package mutating func tick(at now: Moment, timeout: Duration) -> [Action] {
        guard waitingSince != nil else { return [] }
        return askIfDue(at: now) + moveIfDue(at: now, timeout)
    }

    /// The moment at which `tick` is due next; `nil` if nothing is waited for.
    package func nextTick(timeout: Duration) -> Moment? {
        guard let waitingSince else { return nil }
        var moments: [Moment] = []
        if !isResolving { moments.append(askedAt.map { $0 + Self.interval } ?? waitingSince) }
        if !isConnecting, isMoved { moments.append(waitingSince + wait(timeout)) }
        return moments.min()
    }

    private mutating func askIfDue(at now: Moment) -> [Action] {
        if isResolving { return [] }
        if let askedAt, now < askedAt + Self.interval { return [] }
        return ask(at: now)
    }

    private var isMoved: Bool { !known.isEmpty && Set(known) != Set(used) }

    /// The time without a connection after which the session moves; longer when it has just done so, for a handshake may
    /// be slow.
    private func wait(_ timeout: Duration) -> Duration { .nanoseconds(timeout.nanoseconds / (hasMoved ? 3 : 6)) }

    private mutating func moveIfDue(at now: Moment, _ timeout: Duration) -> [Action] {
        guard !isConnecting, isMoved, let waitingSince, now >= waitingSince + wait(timeout) else { return [] }
        return connect(to: known)
    }

    /// Servers have been found that serve clients, while this one waits.
    package mutating func found(serving addresses: [String], at now: Moment, timeout: Duration) -> [Action] {
        guard !isConnecting, waitingSince != nil, !addresses.isEmpty, used.count > 1 else { return [] }
        if let reorderedAt, now < reorderedAt + timeout { return [] }
        isConnecting = true
        isReordering = true
        used = addresses + used.filter { !addresses.contains($0) }
        return [.reorder(used)]
    }

    private mutating func connect(to addresses: [String]) -> [Action] {
        isConnecting = true
        isReordering = false
        used = addresses
        return [.connect(addresses)]
    }
}
