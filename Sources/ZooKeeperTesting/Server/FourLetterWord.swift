import ZooKeeper

/// ZooKeeper's four-letter commands: a question and an answer on a connection of their own.
enum FourLetterWord {
    /// Asks, and reads the answer to its end.
    ///
    /// - Throws: ``TestKitError`` if nobody listens. A server that is starting may accept and never answer: the answer
    ///   is then empty after `patience`.
    static func ask(_ word: String, port: Int, patience: Duration = .seconds(2)) async throws -> String {
        try await blocking { () throws(TestKitError) in
            let socket = try Socket.connected(to: port)
            socket.setReadLimit(milliseconds: Int(clamping: patience.wholeMilliseconds))
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
