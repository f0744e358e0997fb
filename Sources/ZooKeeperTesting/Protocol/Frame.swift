// SPDX-License-Identifier: Apache-2.0

/// One message of ZooKeeper's protocol: a length of four bytes, then as many bytes. Numbers are big-endian.
struct Frame {
    /// The bytes of the message, without the length.
    var bytes: [UInt8] = []

    /// The message with its length in front, as it is sent.
    var encoded: [UInt8] { Self.bytes(of: Int32(bytes.count)) + bytes }

    mutating func append(_ number: some FixedWidthInteger) { bytes += Self.bytes(of: number) }

    /// The number at `offset`; `nil` if the message is too short.
    func number<Number: FixedWidthInteger>(at offset: Int, as type: Number.Type = Number.self) -> Number? {
        let end = offset + MemoryLayout<Number>.size
        guard end <= bytes.count else { return nil }
        return bytes[offset..<end].reduce(0) { ($0 << 8) | Number(truncatingIfNeeded: $1) }
    }

    /// Returns whether the message contains these bytes, which are not empty.
    func contains(_ part: [UInt8]) -> Bool {
        guard let first = part.first, bytes.count >= part.count else { return false }
        return (0...bytes.count - part.count).contains { start in
            bytes[start] == first && bytes[start..<start + part.count].elementsEqual(part)
        }
    }

    /// Decodes a length of four bytes. A negative one, which no server or client sends, counts as 0.
    static func length(_ header: [UInt8]) -> Int {
        max(0, Int(header.reduce(Int32(0)) { ($0 << 8) | Int32($1) }))
    }

    private static func bytes(of number: some FixedWidthInteger) -> [UInt8] {
        unsafe withUnsafeBytes(of: number.bigEndian) { unsafe [UInt8]($0) }
    }
}

extension Socket {
    /// Reads the next message; `nil` at the end of the connection.
    func readFrame() -> Frame? {
        guard let header = read(exactly: 4), let bytes = read(exactly: Frame.length(header)) else { return nil }
        return Frame(bytes: bytes)
    }
}
