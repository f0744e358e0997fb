// SPDX-License-Identifier: Apache-2.0

/// The carrier of one session's requests to a server: the C client, or a model of ZooKeeper in memory.
///
/// A transport decides nothing. It hands over what it is given, in order, and tells what it hears.
package protocol SessionTransport: Sendable {
    /// Begins. Everything heard goes to `delegate`, from any thread, but never from within a call of this protocol. A
    /// transport whose servers have names waits for ``resolve()`` and ``connect(to:resuming:timeout:onlyIfStuck:)``;
    /// another connects.
    func open(sessionTimeout: Duration, delegate: any SessionTransportDelegate)

    /// Asks for the addresses of the servers, in the background. The answer is an event, `resolved` or `notResolved`.
    func resolve()

    /// Finds out, in the background, what these addresses do with clients. The answer is an event, `diagnosed`.
    func diagnose(_ addresses: [String])

    /// Connects through a new handle, in the background, in place of the present one if there is one.
    ///
    /// There are never two handles of one session. The old one is closed first, while it has no connection, so that it
    /// says no goodbye; and then `replacing` is told: nothing of it comes after that. At the end comes `opened`, or
    /// `kept` if the old handle has got a connection in the meantime.
    ///
    /// - Parameters:
    ///   - addresses: Numeric, in the order in which they are tried.
    ///   - identity: The session that goes on; `nil` for a new one.
    ///   - timeout: The session time-out to ask for.
    ///   - onlyIfStuck: Keeps the old handle, unless it hangs at an address.
    func connect(to addresses: [String], resuming identity: SessionIdentity?, timeout: Duration, onlyIfStuck: Bool)

    /// Asks for these servers from the next time on.
    func update(servers: [ServerAddress])

    /// The server that the present connection leads to, by its numeric address.
    var server: ServerAddress? { get }

    /// Hands one request over. Requests are executed and answered in the order of these calls. The transport keeps
    /// `request` until it has answered it, or until it is closed.
    ///
    /// - Returns: `nil`, and then the request is answered at most once (the C client may forget it); or the failure,
    ///   and then nothing was sent and no answer comes. `connectionLoss` means: not now, the connection is gone and
    ///   the delegate will soon hear of it.
    func issue(_ request: any TransportRequest) -> ResultCode?

    /// Ends the session and lets everything go. Takes as long as it takes; once `done` is called, from any thread, the
    /// delegate hears nothing more.
    func close(done: @escaping @Sendable () -> Void)
}

// For transports that connect by themselves, and have no addresses.
extension SessionTransport {
    package func resolve() {}

    package func update(servers: [ServerAddress]) {}

    package func diagnose(_ addresses: [String]) {}

    package var server: ServerAddress? { nil }

    package func connect(
        to addresses: [String], resuming identity: SessionIdentity?, timeout: Duration, onlyIfStuck: Bool
    ) {}
}

/// The proof by which the servers let a client go on with a session.
package struct SessionIdentity: Sendable, Hashable {
    package var id: SessionID
    package var password: [UInt8]

    package init(id: SessionID, password: [UInt8]) {
        self.id = id
        self.password = password
    }
}

/// A request on its way to the servers, as a transport sees it.
package protocol TransportRequest: AnyObject, Sendable {
    /// The request to send.
    var request: ServerRequest { get }

    /// Tells whether the request sets a watch.
    var setsWatch: Bool { get }

    /// Takes the answer. Called at most once each time that the request is issued, and in the order of the server's
    /// answers. Must return soon.
    func answered(_ result: Result<ServerResponse, ResultFailure>)
}

/// Hears what a transport hears, apart from the answers to requests. Calls come one at a time, in order with the
/// answers; they must return soon.
package protocol SessionTransportDelegate: AnyObject, Sendable {
    /// Takes in what has happened to the connection or the session.
    func transport(did event: TransportEvent)

    /// Takes in that a watch has fired.
    func transport(sawChangeOf path: ServerPath, _ kind: WatchEvent.Kind)
}

/// The failure of a request: the code, and for a transaction the position of the operation at fault.
package struct ResultFailure: Error, Hashable, Sendable {
    package var code: ResultCode
    package var failedOperation: Int?

    package init(_ code: ResultCode, failedOperation: Int? = nil) {
        self.code = code
        self.failedOperation = failedOperation
    }
}

/// An event of the connection or the session, as the transport hears of it.
package enum TransportEvent: Sendable {
    /// Connected, for the first time or again. The id and the time-out are as received, unchecked.
    case connected(SessionID, password: [UInt8], timeout: Duration, isReadOnly: Bool)
    /// The connection is gone; the transport tries to get another one.
    case disconnected
    /// The server has ended the session.
    case expired
    /// The server refused the credentials. This ends the session.
    case authenticationFailed
    /// No connection can be had at all. The text is for people.
    case unreachable(String)
    /// The servers' names stand for these addresses; and what is wrong with those names that cannot be resolved.
    case resolved([String], faults: [String])
    /// None of the servers' names can be resolved. The text is for people.
    case notResolved(String)
    /// What the addresses do with clients.
    case diagnosed([ServerFinding])
    /// The handle of before is gone, and with it its watches and all requests that it has not answered.
    case replacing
    /// A new handle tries these addresses.
    case opened([String])
    /// The handle of before goes on, with these.
    case kept([String])
}
