// SPDX-License-Identifier: Apache-2.0

import Synchronization
import ZooKeeper

/// One connection of a relay, with two threads that pass messages on, one in each direction.
final class RelayConnection: Sendable {
    /// The direction of a message.
    enum Direction: Sendable, Hashable, CaseIterable {
        case toServer
        case toClient
    }

    /// The treatment of a message.
    enum Action: Sendable {
        case pass
        case drop
        case cut
    }

    let number: Int
    let parser: Mutex<TrafficParser>
    private let client: Socket
    private let server: Socket

    init(number: Int, client: Socket, server: Socket) {
        self.number = number
        self.client = client
        self.server = server
        self.parser = Mutex(TrafficParser(connection: number))
    }

    func cut() {
        client.shutDown()
        server.shutDown()
    }

    /// Passes messages on until one side ends the connection or `decide` returns ``Action/cut``.
    ///
    /// - Parameter decide: Decides how a message is treated; it may block for as long as the message is held back.
    func run(decide: @escaping @Sendable (Direction, Frame) -> Action) {
        let isStarted = DetachedThread.start { [self] in pass(.toClient, decide) }
        guard isStarted else { return cut() }
        pass(.toServer, decide)
    }

    private func pass(_ direction: Direction, _ decide: (Direction, Frame) -> Action) {
        let (source, target) = direction == .toServer ? (client, server) : (server, client)
        loop: while let frame = source.readFrame() {
            switch decide(direction, frame) {
            case .pass: if !target.write(frame.encoded) { break loop }
            case .drop: continue
            case .cut: break loop
            }
        }
        cut()
    }
}
