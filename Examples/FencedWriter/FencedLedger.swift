import SystemPackage
import ZooKeeperRecipes

// For reading a file; the libraries need none of it.
#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A file that takes no line from a holder that is late: each line starts with the fencing token of its writer, and
/// a token lower than one that is there already is refused.
///
/// To compare and to write must be one step. Here the file's own lock makes it one, among all processes of this
/// machine; a database does it with `UPDATE … WHERE fence <= :token`, a service with what guards its memory.
struct FencedLedger: Sendable {
    /// A writer with a higher token has written.
    struct StaleToken: Error, CustomStringConvertible {
        var token: FencingToken
        var newest: FencingToken

        var description: String { "token \(token) is older than \(newest), which has written already" }
    }

    let path: FilePath

    /// Appends a line, which is on the disk when this returns.
    ///
    /// - Throws: ``StaleToken``; `Errno` if the file cannot be read or written.
    func append(_ line: String, token: FencingToken) throws {
        let file = try FileDescriptor.open(
            path, .readWrite, options: [.create, .append], permissions: [.ownerReadWrite, .groupRead, .otherRead])
        try file.closeAfter {
            // Given back by the close, also if this process is killed. If it is frozen just here, all others wait for
            // it: that costs time, but nothing is written in the wrong order.
            guard flock(file.rawValue, LOCK_EX) == 0 else { throw Errno(rawValue: errno) }
            let text = try String(contentsOfFile: path.string, encoding: .utf8)
            let newest = text.split(separator: "\n").compactMap { FencingToken($0.prefix(24)) }.max()
            if let newest, token < newest { throw StaleToken(token: token, newest: newest) }
            // A line that was cut short, because its writer was killed, stays alone.
            let start = text.isEmpty || text.hasSuffix("\n") ? "" : "\n"
            try file.writeAll("\(start)\(token) \(line)\n".utf8)
            guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
        }
    }
}
