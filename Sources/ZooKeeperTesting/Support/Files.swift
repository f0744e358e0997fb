// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Writes a text file, replacing one that exists. Only its owner may read and write it.
func writeFile(_ text: String, to path: String) throws {
    let descriptor = try FileDescriptor.open(
        FilePath(path), .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
    try descriptor.closeAfter { _ = try descriptor.writeAll(text.utf8) }
}

/// Reads a whole file as text; empty if there is none.
func readFile(_ path: String) -> String {
    guard let descriptor = try? FileDescriptor.open(FilePath(path), .readOnly) else { return "" }
    defer { try? descriptor.close() }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65_536)
    while true {
        // The buffer lives for the call.
        let count = unsafe part.withUnsafeMutableBytes { unsafe (try? descriptor.read(into: $0)) ?? 0 }
        if count == 0 { break }
        bytes += part[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
}

/// The value of an environment variable.
package func environmentValue(_ name: String) -> String? {
    // Copied at once; nothing in this package changes the environment.
    unsafe getenv(name).map { unsafe String(cString: $0) }
}
