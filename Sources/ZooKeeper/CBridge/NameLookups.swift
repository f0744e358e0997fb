// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Asks for the addresses of servers, for each on a thread of its own: a name whose lookup hangs keeps no other waiting.
///
/// An answer is a ``Resolver/Resolution`` of all servers that are asked for at that time. The first comes when all have
/// answered; or after a second, with those that have, if there is an address among them, and then one more with each that
/// comes late. A lookup that is under way is not begun a second time. A name that cannot be resolved any more, or not at the
/// moment, stands for the addresses that it had.
package final class NameLookups: Sendable {
    private struct State {
        var servers: [ServerAddress] = []
        var order = ServerOrder.random
        var tell: @Sendable (Resolver.Resolution) -> Void = { _ in }
        var underWay: Set<ServerAddress> = []
        var found: [ServerAddress: Resolver.Lookup] = [:]
        /// Those found last.
        var addresses: [ServerAddress: [Resolver.Address]] = [:]
        /// The number of questions so far.
        var question = 0
        /// Tells whether the last question has no answer yet.
        var isAsked = false
        /// Tells whether what there is will do.
        var isImpatient = false
    }

    private let lookup: @Sendable (ServerAddress) -> Resolver.Lookup
    private let patience: Duration
    private let state = Mutex(State())
    private let news = Notices<Resolver.Resolution>()

    /// - Parameters:
    ///   - patience: The time after which those that have not answered are not waited for.
    ///   - lookup: Asks for one server. May block.
    package init(
        patience: Duration = .seconds(1),
        lookup: @escaping @Sendable (ServerAddress) -> Resolver.Lookup = Resolver.look
    ) {
        self.patience = patience
        self.lookup = lookup
    }

    /// Asks for the addresses of these servers.
    ///
    /// - Parameter tell: Takes the answers, one at a time, on any thread.
    package func ask(
        for servers: [ServerAddress], in order: ServerOrder, tell: @escaping @Sendable (Resolver.Resolution) -> Void
    ) {
        let (question, toStart) = state.withLock { state in
            state.servers = servers
            state.order = order
            state.tell = tell
            state.question += 1
            state.isAsked = true
            state.isImpatient = false
            let toStart = Set(servers).subtracting(state.underWay)
            for server in toStart { state.found[server] = nil }
            state.underWay.formUnion(toStart)
            return (state.question, toStart)
        }
        for server in toStart {
            let isStarted = DetachedThread.start { [self] in found(lookup(server), for: server) }
            if !isStarted {
                Deadlines.shared.schedule(at: .now) { [self] in
                    found(.fault("\(server.host) cannot be resolved: \(CTransport.noThread)"), for: server)
                }
            }
        }
        Deadlines.shared.schedule(at: .now + patience) { [weak self] in self?.becomeImpatient(question) }
    }

    /// Replaces the servers that are being asked for, if there is no answer yet: it is one for these.
    package func update(_ servers: [ServerAddress]) {
        let question = state.withLock { $0.isAsked ? ($0.order, $0.tell) : nil }
        if let (order, tell) = question { ask(for: servers, in: order, tell: tell) }
    }

    private func becomeImpatient(_ question: Int) {
        state.withLock { state in
            guard question == state.question else { return }
            state.isImpatient = true
            if state.isAsked { answer(&state) }
        }
        deliver()
    }

    private func found(_ answer: Resolver.Lookup, for server: ServerAddress) {
        state.withLock { state in
            state.underWay.remove(server)
            state.found[server] = answer
            if case .addresses(let addresses) = answer { state.addresses[server] = addresses }
            if state.servers.contains(server) { self.answer(&state) }
        }
        deliver()
    }

    /// Answers, if that can be done now.
    private func answer(_ state: inout State) {
        let isComplete = state.underWay.isDisjoint(with: state.servers)
        guard isComplete || state.isImpatient else { return }
        let resolution = Resolver.resolution(of: state.servers, in: state.order) { server in
            let fault: String? =
                switch state.found[server] {
                case .addresses: nil
                case .fault(let fault): fault
                case nil: "\(server.host) cannot be resolved: there is no answer yet"
                }
            return (state.addresses[server] ?? [], fault)
        }
        // With nothing to try, the answer is waited for.
        if !isComplete, resolution.addresses.isEmpty { return }
        state.isAsked = false
        news.post(resolution)
    }

    private func deliver() {
        let tell = state.withLock { $0.tell }
        news.deliver { tell($0) }
    }
}
