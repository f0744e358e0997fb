import CZooKeeper

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Finds out why no connection comes about: connects to an address itself, and asks the server how it is.
///
/// The C client says nothing of that. The question is `srvr`, a command that servers answer unless it has been taken off
/// their list; then they say so, which is an answer too.
enum ServerProbe {
    /// Looks at all addresses at once. Blocks, for as long as `patience` at most.
    static func look(at addresses: [String], patience milliseconds: Int32) -> [ServerFinding] {
        let attempts = addresses.map { (address: $0, attempt: begin($0)) }
        let deadline = Moment.now + .milliseconds(Int64(milliseconds))
        return attempts.map { address, attempt in
            switch attempt {
            case .failed(let behaviour): ServerFinding(address, behaviour)
            case .connecting(let socket):
                ServerFinding(address, finish(socket, until: deadline))
            }
        }
    }

    private enum Attempt {
        case connecting(Int32)
        case failed(ServerFinding.Behaviour)
    }

    private static func begin(_ address: String) -> Attempt {
        // The port is behind the last colon, also with IPv6.
        let bytes = address.utf8
        guard let colon = bytes.lastIndex(of: UInt8(ascii: ":")) else { return .failed(.unreachable("no address")) }
        var hints = unsafe addrinfo()
        unsafe hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
        unsafe hints.ai_socktype = streamType
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(
            String(address[..<colon]), String(address[bytes.index(after: colon)...]), &hints, &list)
        // The list is ours until freeaddrinfo.
        guard code == 0, let entry = unsafe list else { return .failed(.unreachable("no address")) }
        defer { unsafe freeaddrinfo(list) }
        let socket = unsafe socket(entry.pointee.ai_family, entry.pointee.ai_socktype, 0)
        guard socket >= 0 else { return .failed(.unreachable(reason(errno))) }
        _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
        _ = fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK)
        if unsafe connect(socket, entry.pointee.ai_addr, entry.pointee.ai_addrlen) == 0 || errno == EINPROGRESS {
            return .connecting(socket)
        }
        let fault = errno
        close(socket)
        return .failed(behaviour(of: fault))
    }

    private static func finish(_ socket: Int32, until deadline: Moment) -> ServerFinding.Behaviour {
        defer { close(socket) }
        guard wait(for: Int16(POLLOUT), on: socket, until: deadline) else { return .isSilent }
        var fault: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe getsockopt(socket, SOL_SOCKET, SO_ERROR, &fault, &length) == 0, fault == 0 else {
            return behaviour(of: fault)
        }
        let question = Array("srvr".utf8)
        _ = unsafe question.withUnsafeBytes { unsafe send(socket, $0.baseAddress, $0.count, noSignal) }
        var answer: [UInt8] = []
        while wait(for: Int16(POLLIN), on: socket, until: deadline) {
            let part = unsafe [UInt8](unsafeUninitializedCapacity: 1_024) { buffer, count in
                count = unsafe max(0, recv(socket, buffer.baseAddress, buffer.count, 0))
            }
            if part.isEmpty { return meaning(of: answer, isClosed: true) }
            answer += part
            if answer.count > 16_384 { return .isNoServer }
        }
        return meaning(of: answer, isClosed: false)
    }

    /// Decides what an answer to `srvr` says.
    static func meaning(of answer: [UInt8], isClosed: Bool) -> ServerFinding.Behaviour {
        if answer.isEmpty { return isClosed ? .acceptsAndCloses : .acceptsAndIsSilent }
        let text = String(decoding: answer, as: UTF8.self)
        if text.hasPrefix("This ZooKeeper instance is not currently serving requests") { return .servesNobody }
        // With the command off its list it says: srvr is not executed because it is not in the whitelist.
        if text.hasPrefix("Zookeeper version") || text.hasPrefix("srvr is not executed") { return .serves }
        return .isNoServer
    }

    private static func wait(for events: Int16, on socket: Int32, until deadline: Moment) -> Bool {
        let left = max(0, Moment.now.duration(to: deadline).wholeMilliseconds)
        var descriptor = pollfd(fd: socket, events: events, revents: 0)
        return unsafe poll(&descriptor, 1, Int32(clamping: left)) > 0
    }

    private static func behaviour(of fault: Int32) -> ServerFinding.Behaviour {
        fault == ECONNREFUSED ? .refuses : .unreachable(reason(fault))
    }

    private static func reason(_ fault: Int32) -> String { unsafe String(cString: strerror(fault)) }

    #if canImport(Glibc)
    private static let streamType = Int32(SOCK_STREAM.rawValue)
    private static let noSignal = Int32(MSG_NOSIGNAL)
    #elseif canImport(Musl)
    private static let streamType = SOCK_STREAM
    private static let noSignal = MSG_NOSIGNAL
    #else
    private static let streamType = SOCK_STREAM
    private static let noSignal: Int32 = 0
    #endif
}
