// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import ZooKeeperRecipes

// Only for reading a file.
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

/// A file that refuses lines of late holders: each line starts with the fencing token of its writer, and a token lower
/// than one that is in the file already is refused.
///
/// The comparison and the write must be one atomic step. Here `flock` makes them one, among all processes of this
/// machine; a database does it with `UPDATE … WHERE fence <= :token`, a service with the lock that guards its memory.
struct FencedLedger: Sendable {
    /// The error that a holder with a higher token has written already.
    struct StaleToken: Error, CustomStringConvertible {
        var token: FencingToken
        var newest: FencingToken

        var description: String { "token \(token) is older than \(newest), which has written already" }
    }

    let path: FilePath

    /// Appends a line and flushes it to the disk.
    ///
    /// - Throws: ``StaleToken``; `Errno` if the file cannot be read or written.
    func append(_ line: String, token: FencingToken) throws {
        let file = try FileDescriptor.open(
            path, .readWrite, options: [.create, .append], permissions: [.ownerReadWrite, .groupRead, .otherRead])
        try file.closeAfter {
            // Released by the close, also if this process is killed. If it is frozen here, all other writers wait for
            // it: that costs time, but no line is written out of order.
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
