import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

// The test kit's door to the socket interface of the system. Everything unsafe is here, and every pointer lives for the
// length of one call.

/// A TCP socket on the loopback interface, for threads that may block.
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
    }

    deinit { close() }

    // MARK: Opening

    /// Listens on `port` of the loopback interface; 0 is any free one.
    package static func listening(on port: Int = 0) throws(TestKitError) -> Socket {
        let socket = try make()
        var on: Int32 = 1
        // A server that was killed leaves connections behind that would hold the port for a minute.
        _ = unsafe setsockopt(
            socket.descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        let code = unsafe withLoopback(port) { unsafe bind(socket.descriptor, $0, $1) }
        guard code == 0, listen(socket.descriptor, 128) == 0 else {
            throw TestKitError("cannot listen on port \(port): \(lastError)")
        }
        return socket
    }

    /// Connects to `port` of the loopback interface.
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

    /// The port this socket is bound to.
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

    /// Waits for a connection; `nil` when the socket is shut down.
    package func accepted() -> Socket? {
        while true {
            let connection = accept(descriptor, nil, nil)
            if connection >= 0 { return Socket(connection) }
            if errno != EINTR && errno != ECONNABORTED { return nil }
        }
    }

    /// Reads end with nothing after `milliseconds` without data.
    func setReadLimit(milliseconds: Int) {
        var time = timeval()
        time.tv_sec = milliseconds / 1_000
        time.tv_usec = .init((milliseconds % 1_000) * 1_000)
        _ = unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Up to `limit` bytes, as soon as there are any; nothing at the end, after an error, and after the read limit.
    package func read(upTo limit: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            var got: Int
            repeat { got = unsafe recv(descriptor, buffer.baseAddress, limit, 0) } while got < 0 && errno == EINTR
            count = max(got, 0)
        }
    }

    /// Exactly `count` bytes; `nil` if the connection ends before.
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

    /// Writes everything, or returns `false`.
    package func write(_ bytes: [UInt8]) -> Bool {
        unsafe bytes.withUnsafeBytes { buffer in
            var offset = 0
            while offset < buffer.count {
                #if canImport(Glibc)
                let flags = Int32(MSG_NOSIGNAL)
                #else
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

    /// Ends the connection in both directions; a thread that reads or accepts gets to know. The descriptor stays until
    /// the object goes, so that nobody reads from another file by accident.
    package func shutDown() {
        #if canImport(Glibc)
        _ = shutdown(descriptor, Int32(SHUT_RDWR))
        #else
        _ = shutdown(descriptor, SHUT_RDWR)
        #endif
    }

    private func close() {
        let wasOpen = isOpen.withLock { isOpen in
            defer { isOpen = false }
            return isOpen
        }
        #if canImport(Glibc)
        if wasOpen { _ = Glibc.close(descriptor) }
        #else
        if wasOpen { _ = Darwin.close(descriptor) }
        #endif
    }

    private static func withLoopback<Result>(
        _ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private static var lastError: String { unsafe String(cString: strerror(errno)) }
}
