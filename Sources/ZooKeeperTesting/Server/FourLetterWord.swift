// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// ZooKeeper's four-letter words: commands that are sent, and answered, on a connection of their own.
enum FourLetterWord {
    /// Sends a command, and reads the answer to its end.
    ///
    /// - Parameter timeout: The time to wait for the answer. A server that is starting may accept the connection and
    ///   never answer: the answer is then empty.
    /// - Throws: ``TestKitError`` if no server listens on the port.
    static func ask(_ word: String, port: Int, timeout: Duration = .seconds(2)) async throws -> String {
        try await blocking { () throws(TestKitError) in
            let socket = try Socket.connected(to: port)
            socket.setReadLimit(milliseconds: Int(clamping: timeout.wholeMilliseconds))
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
