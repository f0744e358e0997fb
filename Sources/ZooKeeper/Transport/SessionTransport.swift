/// What carries the requests of one session to a server: the C client, or a model of ZooKeeper in memory.
///
/// A transport decides nothing. It hands over what it is given, in order, and tells what it hears.
package protocol SessionTransport: Sendable {
    /// Starts to connect. Everything heard goes to `delegate`, from any thread, but never from within a call of this
    /// protocol.
    func open(sessionTimeout: Duration, delegate: any SessionTransportDelegate)

    /// Hands one request over. Requests are executed and answered in the order of these calls. The caller keeps `reply`
    /// alive until it was answered or `close` is done.
    ///
    /// - Returns: `nil`, and then the delegate hears of the reply at most once (the C client may forget it); or what is
    ///   wrong, and then nothing was sent and it hears nothing. `connectionLoss` means: not now, the connection is gone
    ///   and the delegate will soon hear of it.
    func issue(_ reply: Reply) -> ResultCode?

    /// Ends the session and lets everything go. Takes as long as it takes; once `done` is called, from any thread, the
    /// delegate hears nothing more.
    func close(done: @escaping @Sendable () -> Void)
}

/// Who hears what a transport hears. Calls come one at a time and in the order of the server's answers; they must
/// return soon.
package protocol SessionTransportDelegate: AnyObject, Sendable {
    func transport(did event: TransportEvent)
    func transport(answered reply: Reply, with result: Result<Response, ResultFailure>)
    func transport(sawChangeOf path: String, _ kind: WatchEvent.Kind)
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

/// What happens to the connection and the session, as the transport hears of it.
package enum TransportEvent: Sendable {
    /// Connected, for the first time or again. The id and the time-out are as received, unchecked.
    case connected(SessionID, password: [UInt8], timeout: Duration, isReadOnly: Bool)
    /// The connection is gone; the transport tries to get another one.
    case disconnected
    /// The server has ended the session.
    case expired
    /// The server refused the credentials. This ends the session.
    case authenticationFailed
    /// No connection can be had at all: for example, no server's name can be resolved. The text is for people.
    case unreachable(String)
}
