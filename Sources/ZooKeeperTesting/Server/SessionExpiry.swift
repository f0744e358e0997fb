// SPDX-License-Identifier: Apache-2.0

public import ZooKeeper

extension ZooKeeperServer {
    /// Expires a session: the server deletes its ephemeral nodes, and its client learns that it has expired.
    ///
    /// The client sees the same as after a pause that was longer than its session time-out, without the pause: a second
    /// connection takes the session over, with its id and password, and closes it.
    ///
    /// - Throws: ``TestKitError`` if the server does not listen, or the session was never connected.
    public func expire(_ session: ZooKeeperSession) async throws {
        try await Self.expire(session, port: port)
    }

    /// Expires a session as ``expire(_:)`` does, on the server on `port`, whichever process runs it.
    package static func expire(_ session: ZooKeeperSession, port: Int) async throws {
        var close = Frame()
        close.append(Int32(1))
        close.append(OperationCode.closeSession.rawValue)
        // This costs the client its connection. It reconnects, and may take the session over again before it is closed.
        try await takeOver(session, andSend: close, port: port)
    }

    /// Takes a session over, as a second client with its id and password would: the server closes the connection of its
    /// client, which reconnects and takes the session back. Returns when it has, or after 10 s.
    ///
    /// - Throws: ``TestKitError`` if the server does not listen, or the session has ended or was never connected.
    public func takeOver(_ session: ZooKeeperSession) async throws {
        try await Self.takeOver(session, andSend: nil, port: port)
    }

    private static func takeOver(
        _ session: ZooKeeperSession, andSend frame: Frame?, port: Int
    ) async throws {
        guard let id = session.id else { throw TestKitError("the session was never connected") }
        let connect = Frame.connect(to: id, session.password, timeout: session.timeout)
        try await blocking { () throws(TestKitError) in
            for _ in 0..<100 {
                let socket = try Socket.connected(to: port)
                socket.setReadLimit(milliseconds: 10_000)
                guard socket.write(connect.encoded + (frame?.encoded ?? [])), let answer = socket.readFrame() else {
                    continue
                }
                // For a session that has ended, the server answers with the id 0.
                if answer.number(at: 8, as: Int64.self) == 0 {
                    if frame == nil { throw TestKitError("session \(id) has ended") }
                    return
                }
                // A client that has reconnected has ended this connection in turn. If this side closed it earlier, the
                // server would forget which connection the session has, and the next takeover would not cut the client
                // off.
                let next = socket.readFrame()
                if frame == nil || next != nil { return }
            }
            throw TestKitError("the server did not let session \(id) be taken over")
        }
    }
}

extension Frame {
    /// Makes the handshake of a client that has a session.
    fileprivate static func connect(to id: SessionID, _ password: [UInt8], timeout: Duration) -> Frame {
        var frame = Frame()
        frame.append(Int32(0))
        frame.append(Int64(0))
        frame.append(Int32(clamping: timeout.wholeMilliseconds))
        frame.append(id.rawValue)
        frame.append(Int32(password.count))
        frame.bytes += password
        frame.bytes.append(0)
        return frame
    }
}
