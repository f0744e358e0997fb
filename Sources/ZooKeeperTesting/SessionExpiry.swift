public import ZooKeeper

extension ZooKeeperServer {
    /// Ends a session on the server, for real: its ephemeral nodes go, and its client learns that it has expired.
    ///
    /// This is what a user sees after a long pause, without the pause: a second connection takes the session over, with
    /// its id and password, and closes it.
    ///
    /// - Throws: ``TestKitError`` if the server does not listen, or the session was never connected.
    public func expire(_ session: ZooKeeperSession) async throws {
        guard let id = session.id else { throw TestKitError("the session was never connected") }
        let password = session.password
        let timeout = session.timeout
        try await blocking { [port] () throws(TestKitError) in
            var connect = Frame()
            connect.append(Int32(0))
            connect.append(Int64(0))
            connect.append(Int32(clamping: timeout.wholeMilliseconds))
            connect.append(id.rawValue)
            connect.append(Int32(password.count))
            connect.bytes += password
            connect.bytes.append(0)
            var close = Frame()
            close.append(Int32(1))
            close.append(OperationCode.closeSession.rawValue)
            // The client loses its connection by this, comes back, and may take the session over again before it is
            // closed.
            for _ in 0..<100 {
                let socket = try Socket.connected(to: port)
                socket.setReadLimit(milliseconds: 10_000)
                guard socket.write(connect.encoded + close.encoded), let answer = socket.readFrame() else { continue }
                // A session that is over is answered with the id 0.
                if answer.number(at: 8, as: Int64.self) == 0 || socket.readFrame() != nil { return }
            }
            throw TestKitError("the server did not let session \(id) be taken over")
        }
    }
}
