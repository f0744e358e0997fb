/// ZooKeeper's four-letter commands: a question and an answer on a connection of their own.
enum FourLetterWord {
    /// Asks, and reads the answer to its end.
    ///
    /// - Throws: ``TestKitError`` if nobody listens. A server that is starting may accept and never answer: the answer
    ///   is then empty after 2 s.
    static func ask(_ word: String, port: Int) async throws -> String {
        try await blocking { () throws(TestKitError) in
            let socket = try Socket.connected(to: port)
            socket.setReadLimit(milliseconds: 2_000)
            guard socket.write(Array(word.utf8)) else { return "" }
            var answer: [UInt8] = []
            while true {
                let part = socket.read(upTo: 65_536)
                if part.isEmpty { return String(decoding: answer, as: UTF8.self) }
                answer += part
            }
        }
    }
}
