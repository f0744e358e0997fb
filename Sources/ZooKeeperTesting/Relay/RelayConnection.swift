import Synchronization
import ZooKeeper

/// One connection of a relay: two threads that pass messages on, one in each direction.
final class RelayConnection: Sendable {
    /// The direction of a message.
    enum Direction: Sendable, Hashable, CaseIterable {
        case toServer
        case toClient
    }

    /// The fate of a message.
    enum Verdict: Sendable {
        case pass
        case lose
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

    /// Passes messages on until one side ends the connection or `judge` says so.
    ///
    /// - Parameter judge: Says what is to become of a message; may block for as long as it is held back.
    func run(judge: @escaping @Sendable (Direction, Frame) -> Verdict) {
        let isStarted = DetachedThread.start { [self] in pass(.toClient, judge) }
        guard isStarted else { return cut() }
        pass(.toServer, judge)
    }

    private func pass(_ direction: Direction, _ judge: (Direction, Frame) -> Verdict) {
        let (source, target) = direction == .toServer ? (client, server) : (server, client)
        loop: while let frame = source.readFrame() {
            switch judge(direction, frame) {
            case .pass: if !target.write(frame.encoded) { break loop }
            case .lose: continue
            case .cut: break loop
            }
        }
        cut()
    }
}
