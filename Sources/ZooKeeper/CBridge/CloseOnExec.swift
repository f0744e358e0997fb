// SPDX-License-Identifier: Apache-2.0

import CZooKeeper

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Keeps the C client's connection from programs that this process starts: they would hold it open after us, and the
/// server would not notice that we are gone.
///
/// The library neither marks its sockets nor says which they are, so all sockets of this process are marked that lead
/// to the server we are connected to. What is started between the library's `connect` and the mark, still inherits it;
/// so do all programs the library's two wake-up pipes, which harms nobody.
enum CloseOnExec {
    /// To be called when the handle has connected, on its own threads.
    ///
    /// - Returns: The server that it is connected to.
    static func markConnection(of handle: OpaquePointer) -> ServerAddress? {
        var server = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let isKnown = unsafe withSockaddr(&server) { address in
            unsafe zookeeper_get_connected_host(handle, address, &length) != nil
        }
        guard isKnown else { return nil }
        let wanted = bytes(of: server, length)
        for descriptor in openDescriptors() {
            var peer = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let isSocket = unsafe withSockaddr(&peer) { unsafe getpeername(descriptor, $0, &length) == 0 }
            guard isSocket, bytes(of: peer, length) == wanted else { continue }
            let flags = fcntl(descriptor, F_GETFD)
            if flags >= 0 { _ = fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC) }
        }
        return unsafe withSockaddr(&server) { unsafe Resolver.serverAddress($0, length) }
    }

    private static func openDescriptors() -> [Int32] {
        #if os(Linux)
        // Without /proc, as in some containers, every possible number is tried.
        guard let directory = unsafe opendir("/proc/self/fd") else { return allDescriptors() }
        defer { unsafe closedir(directory) }
        var descriptors: [Int32] = []
        while let entry = unsafe readdir(directory) {
            // The name is a C string inside the entry, which lives until the next `readdir`.
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { unsafe $0.prefix { $0 != 0 }.map(\.self) }
            if let descriptor = Int32(String(decoding: name, as: UTF8.self)) { descriptors.append(descriptor) }
        }
        return descriptors
        #else
        return allDescriptors()
        #endif
    }

    private static func allDescriptors() -> [Int32] { Array(0..<min(getdtablesize(), 65_536)) }

    private static func withSockaddr<Result>(
        _ storage: inout sockaddr_storage, _ body: (UnsafeMutablePointer<sockaddr>) -> Result
    ) -> Result {
        unsafe withUnsafeMutablePointer(to: &storage) { storage in
            unsafe storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0) }
        }
    }

    private static func bytes(of address: sockaddr_storage, _ length: socklen_t) -> [UInt8] {
        unsafe withUnsafeBytes(of: address) { unsafe [UInt8]($0.prefix(Int(length))) }
    }
}
