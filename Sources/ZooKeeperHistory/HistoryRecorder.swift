// SPDX-License-Identifier: Apache-2.0

import SystemPackage

/// Records events in a file, one line of JSON each.
///
/// Several processes of one machine may append to one file, each with a recorder of its own: a line is handed to the
/// system in one call, with the file opened for appending, so that lines do not mix, and what is recorded outlives the
/// process even if it is killed right after. Nothing is buffered, and the file is not synchronised with the disk. Use a
/// local file system: over NFS, appended lines of several machines may overwrite one another.
///
/// The order of lines does not matter: an event has its time.
///
/// ```swift
/// let recorder = try HistoryRecorder(appendingTo: "history.jsonl")
/// try recorder.record("c0", .invoked(operation: "c0.1", .lock))
/// ```
public final class HistoryRecorder: Sendable {
    private let file: FileDescriptor
    private let path: String

    /// Opens a file for appending; creates it if it does not exist.
    ///
    /// - Parameter path: The path of the file.
    /// - Throws: ``HistoryFileError`` with the code `notWritable`.
    public convenience init(appendingTo path: String) throws { try self.init(path, [.create, .append]) }

    /// Creates a file, in place of one that is there already.
    ///
    /// - Parameter path: The path of the file.
    /// - Throws: ``HistoryFileError`` with the code `notWritable`.
    public convenience init(replacing path: String) throws { try self.init(path, [.create, .append, .truncate]) }

    private init(_ path: String, _ options: FileDescriptor.OpenOptions) throws {
        self.path = path
        do {
            file = try FileDescriptor.open(
                FilePath(path), .writeOnly, options: options.union(.closeOnExec),
                permissions: [.ownerReadWrite, .groupRead, .otherRead])
        } catch { throw Self.failure(path, error) }
    }

    deinit { try? file.close() }

    /// Records an event that happens now.
    ///
    /// - Parameters:
    ///   - process: The process or server that it concerns; ``HistoryEvent/run`` for the whole run.
    ///   - kind: The kind of the event.
    /// - Throws: ``HistoryFileError`` with the code `notWritable`, for example if the disk is full. The history is then
    ///   not complete, and not worth checking.
    public func record(_ process: String, _ kind: HistoryEvent.Kind) throws {
        try record(HistoryEvent(process, kind))
    }

    /// Records an event. Costs one system call. May be called from any thread.
    ///
    /// - Parameter event: The event.
    /// - Throws: ``HistoryFileError`` with the code `notWritable`.
    public func record(_ event: HistoryEvent) throws {
        do { _ = try file.writeAll("\(event.line)\n".utf8) } catch { throw Self.failure(path, error) }
    }

    private static func failure(_ path: String, _ error: any Error) -> HistoryFileError {
        HistoryFileError(code: .notWritable, path: path, line: nil, reason: "it cannot be written: \(error)")
    }
}
