// SPDX-License-Identifier: Apache-2.0

import SystemPackage

/// The exit statuses of zklock itself, as in `sysexits.h` and as shells use them.
package enum Status {
    /// The options are not valid.
    package static let usage: Int32 = 64
    /// ZooKeeper could not be used.
    package static let unavailable: Int32 = 69
    /// The lock was lost, and the command has been ended.
    package static let lost: Int32 = 70
    /// The system gave no process.
    package static let noProcess: Int32 = 71
    /// Another participant has the lock.
    package static let taken: Int32 = 75
    /// Another kind of lock is in use at the path.
    package static let mixedKinds: Int32 = 76
    /// The command was found, and cannot be executed.
    package static let notExecutable: Int32 = 126
    /// The command was not found.
    package static let notFound: Int32 = 127
}

/// Writes a line to standard error.
func printError(_ text: String) {
    _ = try? FileDescriptor.standardError.writeAll("zklock: \(text)\n".utf8)
}
