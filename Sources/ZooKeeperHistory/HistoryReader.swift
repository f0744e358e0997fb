// SPDX-License-Identifier: Apache-2.0

/// Reads the file of a history.
public enum HistoryReader {
    /// Reads all events of a file that ``HistoryRecorder`` has written, or another program in the same format.
    ///
    /// The file is read into memory. Empty lines are passed over.
    ///
    /// - Parameter path: The path of the file.
    /// - Returns: The events in the order of the lines.
    /// - Throws: ``HistoryFileError`` with the code `notReadable`; or `invalidLine`, with the number of the first line that
    ///   is not an event. A line that a program was writing when the machine stopped is one, too.
    public static func events(at path: String) throws -> [HistoryEvent] {
        let bytes: [UInt8]
        do { bytes = try HistoryEvent.contents(of: path) } catch {
            throw HistoryFileError(code: .notReadable, path: path, line: nil, reason: "it cannot be read: \(error)")
        }
        return try events(bytes, path)
    }

    /// Parses lines of JSON.
    ///
    /// - Parameter text: The lines. Empty ones are passed over.
    /// - Returns: The events in the order of the lines.
    /// - Throws: ``HistoryFileError`` with the code `invalidLine` and the number of the first line that is not an event.
    public static func events(parsing text: String) throws -> [HistoryEvent] { try events(Array(text.utf8), nil) }

    private static func events(_ bytes: [UInt8], _ path: String?) throws -> [HistoryEvent] {
        var events: [HistoryEvent] = []
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() where !line.isEmpty {
            do { events.append(try HistoryEvent(parsing: String(decoding: line, as: UTF8.self))) } catch {
                throw HistoryFileError(code: .invalidLine, path: path, line: index + 1, reason: error.reason)
            }
        }
        return events
    }
}
