// SPDX-License-Identifier: Apache-2.0

import CZKLock
import SystemPackage
package import ZooKeeper

/// The file with the credentials: lines `digest:user:password`, or of another scheme, `scheme:proof`. Empty lines and those that
/// begin with `#` are skipped.
///
/// Nothing that is in the file gets into an error.
package enum AuthFile {
    /// A reason for which the file cannot be used, for people.
    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    /// Reads the file. It must belong to this user or to root, and nobody else may have any right to it.
    package static func read(_ path: String) throws(Failure) -> [Credential] {
        try parse(try contents(path), path)
    }

    package static func parse(_ text: [UInt8], _ path: String) throws(Failure) -> [Credential] {
        var credentials: [Credential] = []
        let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (number, line) in lines.enumerated() {
            let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            guard let first = line.first, first != UInt8(ascii: "#") else { continue }
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
                colon < line.endIndex - 1
            else {
                throw Failure(
                    description: "\(path): line \(number + 1) is not of the form digest:user:password")
            }
            let scheme = String(decoding: line[..<colon], as: UTF8.self)
            let proof = line[(colon + 1)...]
            guard scheme != "digest" || proof.dropFirst().contains(UInt8(ascii: ":")) else {
                throw Failure(description: "\(path): line \(number + 1) has no password: digest:user:password")
            }
            credentials.append(Credential(scheme: scheme, proof: proof))
        }
        guard !credentials.isEmpty else {
            throw Failure(description: "\(path) has no credentials: a line digest:user:password is expected")
        }
        return credentials
    }

    private static func contents(_ path: String) throws(Failure) -> [UInt8] {
        do {
            let file = try FileDescriptor.open(FilePath(path), .readOnly, options: [.closeOnExec, .nonBlocking])
            defer { try? file.close() }
            try checkMode(file, path)
            // A pipe is waited for; one that nobody writes to is at its end.
            System.setBlocking(file)
            guard let text = try System.readAll(file, limit: 65_536) else {
                throw Failure(description: "\(path) is too long for a file of credentials")
            }
            return text
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(description: "\(path) cannot be read: \(error)")
        }
    }

    private static func checkMode(_ file: FileDescriptor, _ path: String) throws(Failure) {
        switch Int(zkl_privacy(file.rawValue)) {
        case ZKL_PRIVATE: return
        case ZKL_OPEN_TO_OTHERS: throw Failure(description: "\(path) can be read by others; run: chmod 600 \(path)")
        case ZKL_ANOTHER_USERS:
            throw Failure(description: "\(path) belongs to another user, who could read the password; it must be yours")
        default: throw Failure(description: "\(path) is not a file")
        }
    }
}
