// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import ZooKeeper
import ZooKeeperRecipes

/// Counts in a plain file, each time under the lock: `CONNECT PATH FILE COUNT`.
///
/// Reading and writing the file are two steps without any other lock, so two holders at once lose a count.
enum Exclusion {
    static func run(_ arguments: [String]) async throws {
        let file = FilePath(arguments[2])
        let count = Int(arguments[3]) ?? 0
        var lastToken: FencingToken?
        try await ZooKeeperClient.withClient(ZooKeeperConfiguration(arguments[0])) { client in
            let lock = ZooKeeperLock(client, at: try ZNodePath(arguments[1]))
            for _ in 0..<count {
                try await lock.withLock { lease in
                    let number = try read(file)
                    if let lastToken, lease.fencingToken <= lastToken { fatalError("the token did not grow") }
                    lastToken = lease.fencingToken
                    // A moment in which others would come in, if they could.
                    await Task.yield()
                    try write(number + 1, file)
                }
            }
        }
        print("counted \(count)")
    }

    private static func read(_ file: FilePath) throws -> Int {
        let descriptor = try FileDescriptor.open(file, .readOnly)
        defer { try? descriptor.close() }
        var bytes = [UInt8](repeating: 0, count: 32)
        // The buffer lives for the call.
        let count = unsafe try bytes.withUnsafeMutableBytes { unsafe try descriptor.read(into: $0) }
        return Int(String(decoding: bytes[..<count], as: UTF8.self)) ?? 0
    }

    private static func write(_ number: Int, _ file: FilePath) throws {
        let descriptor = try FileDescriptor.open(
            file, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
        defer { try? descriptor.close() }
        try descriptor.writeAll("\(number)".utf8)
    }
}
