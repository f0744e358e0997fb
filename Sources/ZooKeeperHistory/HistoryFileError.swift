// SPDX-License-Identifier: Apache-2.0

/// The error that the file of a history cannot be written or read. Its description names the file, the line and the
/// reason.
///
/// ```swift
/// do {
///     events = try HistoryReader.events(at: "history.jsonl")
/// } catch HistoryFileError.Code.invalidLine {
///     …
/// }
/// ```
public struct HistoryFileError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A kind of failure. New codes may come with new versions.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code's name.
        public let description: String

        /// The file cannot be created, opened or written.
        public static let notWritable = Code(description: "notWritable")
        /// The file does not exist, or cannot be read.
        public static let notReadable = Code(description: "notReadable")
        /// A line of the file is not an event: see ``HistoryFileError/line``.
        public static let invalidLine = Code(description: "invalidLine")

        /// Matches errors with this code, in a `catch` or a `case`.
        public static func ~= (code: Code, error: any Error) -> Bool { (error as? HistoryFileError)?.code == code }
    }

    /// The kind of failure.
    public let code: Code
    /// The path of the file; `nil` if the text did not come from a file.
    public let path: String?
    /// The number of the line that is wrong, counted from 1; `nil` if it is not about one line.
    public let line: Int?
    /// The reason, for people.
    public let reason: String

    /// The place and the reason in one line, as compilers write them: `history.jsonl:7: the member "at" is missing`.
    public var description: String {
        let place = (path.map { [$0] } ?? []) + (line.map { [path == nil ? "line \($0)" : "\($0)"] } ?? [])
        return (place.isEmpty ? "" : place.joined(separator: ":") + ": ") + reason
    }
}
