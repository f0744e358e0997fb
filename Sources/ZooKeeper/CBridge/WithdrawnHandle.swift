// SPDX-License-Identifier: Apache-2.0

import CZooKeeper

/// A handle of the C client that is given up, or about to be, and what has been heard of it since.
struct WithdrawnHandle: Sendable {
    let handle: CTransport.Handle
    /// The session that goes on without it; 0 if it never had one.
    private let id: SessionID
    /// The session of its connection.
    private var connected: SessionID?
    /// Kept back for as long as it may go on; `nil` once it is given up.
    private var news: [CTransport.News]? = []

    init(_ handle: CTransport.Handle, of id: SessionID) {
        self.handle = handle
        self.id = id
    }

    /// Tells whether it is connected with its session, or with its first.
    var isConnected: Bool { connected.map { id.rawValue == 0 || isOld($0) } ?? false }

    /// Tells whether it is connected, and not with its old session.
    var isConnectedElsewhere: Bool { connected.map { !isOld($0) } ?? false }

    /// A connection without a session was made while it was being forgotten: it has the old one.
    private func isOld(_ connected: SessionID) -> Bool { connected == id || connected.rawValue == 0 }

    /// It does not go on.
    mutating func giveUp() { news = nil }

    mutating func takeNews() -> [CTransport.News] {
        defer { news = [] }
        return news ?? []
    }

    /// Takes in its news, on the thread that brings it.
    mutating func heard(_ event: CTransport.News) {
        news?.append(event.ofSession(id))
        switch event {
        case .event(.connected(let id, _, _, _)):
            connected = id
            // Otherwise it would ask for it again when it has lost it to the new handle.
            if news == nil, id == self.id { unsafe czk_forget_session(handle.pointer) }
        case .event(.disconnected): connected = nil
        default: break
        }
    }
}
