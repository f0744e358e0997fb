// SPDX-License-Identifier: Apache-2.0

import Synchronization
import ZooKeeper

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

// The system's sockets, as the test kit uses them. Everything unsafe is here, and every pointer lives for the length of
// one call.

/// A TCP socket on the loopback interface with blocking calls, for threads that may block.
package final class Socket: Sendable {
    private let descriptor: Int32
    private let isOpen = Mutex(true)

    private init(_ descriptor: Int32) {
        self.descriptor = descriptor
        // Not for our children: they would keep the connection open.
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        // Small messages go out at once.
        var on: Int32 = 1
        _ = unsafe setsockopt(
            descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        #if !os(Linux)
        // Writing to a connection that has ended fails, and does not signal this process.
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
        #endif
    }

    deinit { close() }

    // MARK: Opening

    /// Opens a socket that listens on `port` of the loopback interface; 0 stands for any free port.
    ///
    /// - Parameters:
    ///   - host: The last number of the address 127.0.0.x.
    ///   - backlog: The number of connections that wait to be accepted. With more, the system drops packets.
    package static func listening(
        on port: Int = 0, host: UInt8 = 1, backlog: Int32 = 128
    ) throws(TestKitError) -> Socket {
        let socket = try make()
        var on: Int32 = 1
        // A server that was killed leaves connections behind that would occupy the port for a minute.
        _ = unsafe setsockopt(
            socket.descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        let code = unsafe withLoopback(port, host) { unsafe bind(socket.descriptor, $0, $1) }
        guard code == 0, listen(socket.descriptor, backlog) == 0 else {
            throw TestKitError("cannot listen on port \(port): \(lastError)")
        }
        return socket
    }

    /// Opens a connection to `port` of the loopback interface.
    package static func connected(to port: Int) throws(TestKitError) -> Socket {
        let socket = try make()
        let code = unsafe withLoopback(port) { unsafe connect(socket.descriptor, $0, $1) }
        guard code == 0 else { throw TestKitError("cannot connect to port \(port): \(lastError)") }
        return socket
    }

    private static func make() throws(TestKitError) -> Socket {
        #if canImport(Glibc)
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
        let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        guard descriptor >= 0 else { throw TestKitError("cannot make a socket: \(lastError)") }
        return Socket(descriptor)
    }

    /// The port that this socket is bound to.
    package var port: Int {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &length)
            }
        }
        return code == 0 ? Int(UInt16(bigEndian: address.sin_port)) : 0
    }

    // MARK: Use

    /// Waits for a connection and accepts it; `nil` when the socket is shut down.
    package func accepted() -> Socket? {
        while true {
            let connection = accept(descriptor, nil, nil)
            if connection >= 0 { return Socket(connection) }
            if errno != EINTR && errno != ECONNABORTED { return nil }
        }
    }

    /// Limits the time that a read waits for data; after it, the read returns nothing.
    func setReadLimit(milliseconds: Int) {
        var time = timeval()
        time.tv_sec = milliseconds / 1_000
        time.tv_usec = .init((milliseconds % 1_000) * 1_000)
        _ = unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Reads up to `limit` bytes, as soon as there are any; returns none at the end, after an error and after the read
    /// limit.
    package func read(upTo limit: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            var got: Int
            repeat { got = unsafe recv(descriptor, buffer.baseAddress, limit, 0) } while got < 0 && errno == EINTR
            count = max(got, 0)
        }
    }

    /// Reads exactly `count` bytes; returns `nil` if the connection ends before.
    func read(exactly count: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            let part = read(upTo: count - bytes.count)
            if part.isEmpty { return nil }
            bytes += part
        }
        return bytes
    }

    /// Writes all bytes.
    ///
    /// - Returns: `false` if the connection has ended.
    package func write(_ bytes: [UInt8]) -> Bool {
        unsafe bytes.withUnsafeBytes { buffer in
            var offset = 0
            while offset < buffer.count {
                #if os(Linux)
                let flags = Int32(MSG_NOSIGNAL)
                #else
                // See the initializer: SO_NOSIGPIPE.
                let flags: Int32 = 0
                #endif
                let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[offset...])
                let sent = unsafe send(descriptor, rest.baseAddress, rest.count, flags)
                if sent < 0 && errno == EINTR { continue }
                if sent <= 0 { return false }
                offset += sent
            }
            return true
        }
    }

    /// Ends the connection in both directions, which wakes all threads that read from the socket or accept on it. The
    /// descriptor stays open until this object is deallocated, so that no thread reads from another file by accident.
    package func shutDown() {
        // A macro in some C libraries, an enumeration in others.
        _ = shutdown(descriptor, Int32(SHUT_RDWR))
    }

    private func close() {
        let wasOpen = isOpen.withLock { isOpen in
            defer { isOpen = false }
            return isOpen
        }
        guard wasOpen else { return }
        #if canImport(Glibc)
        _ = Glibc.close(descriptor)
        #elseif canImport(Musl)
        _ = Musl.close(descriptor)
        #else
        _ = Darwin.close(descriptor)
        #endif
    }

    private static func withLoopback<Result>(
        _ port: Int, _ host: UInt8 = 1, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr = in_addr(s_addr: (UInt32(0x7F00_0000) + UInt32(host)).bigEndian)
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private static var lastError: String { unsafe String(cString: strerror(errno)) }
}
