// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Runs `body` with the path of a file, which is removed afterwards.
public func withTemporaryFile<Success>(
    containing text: String, suffix: String = "", isolation: isolated (any Actor)? = #isolation,
    _ body: (String) async throws -> Success
) async throws -> Success {
    let path = FilePath("/tmp/zookeeper-test-\(UInt64.random(in: 0 ... .max))\(suffix)")
    let descriptor = try FileDescriptor.open(
        path, .writeOnly, options: [.create, .exclusiveCreate], permissions: .ownerReadWrite)
    try descriptor.closeAfter { _ = try descriptor.writeAll(text.utf8) }
    let result: Result<Success, any Error>
    do { result = .success(try await body(path.string)) } catch { result = .failure(error) }
    try remove(path)
    return try result.get()
}

/// Returns the text of a file.
public func readFile(_ path: String) throws -> String {
    let descriptor = try FileDescriptor.open(FilePath(path), .readOnly)
    defer { try? descriptor.close() }
    var text: [UInt8] = []
    var bytes = [UInt8](repeating: 0, count: 65_536)
    // The files of /proc come in pieces of a page, whatever the size of the buffer.
    while true {
        // The buffer lives for the call.
        let count = unsafe try bytes.withUnsafeMutableBytes { unsafe try descriptor.read(into: $0) }
        if count == 0 { return String(decoding: text, as: UTF8.self) }
        text += bytes[..<count]
    }
}

/// Replaces the text of a file.
public func overwrite(_ path: String, _ text: String) throws {
    let descriptor = try FileDescriptor.open(FilePath(path), .writeOnly, options: [.truncate])
    try descriptor.closeAfter { _ = try descriptor.writeAll(text.utf8) }
}

private func remove(_ path: FilePath) throws {
    unsafe try path.withPlatformString { path in
        guard unsafe unlink(path) == 0 else { throw Errno(rawValue: errno) }
    }
}
