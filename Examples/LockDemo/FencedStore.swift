// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Subprocess
import SystemPackage
import ZooKeeperRecipes

extension LockDemo {
    /// The resource that the lock protects: one process that owns a file, and that refuses late writes.
    ///
    /// Reads `id token` lines, answers `id accepted` or `id refused`, and writes accepted records to the file. Removes
    /// the file when it ends.
    struct FencedStore: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The store of the demonstration.", shouldDisplay: false)

        @Argument var file: String

        func run() async throws {
            let descriptor = try FileDescriptor.open(
                FilePath(file), .writeOnly, options: [.create, .append], permissions: .ownerReadWrite)
            var highest: FencingToken?
            while let line = readLine() {
                let words = line.split(separator: " ")
                guard words.count == 2, let token = FencingToken(words[1]) else {
                    throw ValidationError("\"\(line)\" is not a record; expected an id and a fencing token")
                }
                // Fencing: a token that is older than one that was seen is refused.
                if let highest, token < highest {
                    printLine("\(words[0]) \(StoreAnswer.refused)")
                } else {
                    highest = token
                    try descriptor.writeAll("\(token) \(words[0])\n".utf8)
                    printLine("\(words[0]) \(StoreAnswer.accepted)")
                }
            }
            _ = try await Subprocess.run(.name("rm"), arguments: ["-f", file], output: .discarded)
        }
    }
}
