// SPDX-License-Identifier: Apache-2.0

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
        var attempts = addresses.map { begin($0) }
        let deadline = Moment.now + .milliseconds(Int64(milliseconds))
        while true {
            let waiting = attempts.indices.filter { attempts[$0].awaited != nil }
            var descriptors = waiting.compactMap { attempts[$0].awaited }
            let left = Int32(clamping: max(0, Moment.now.duration(to: deadline).wholeMilliseconds))
            if descriptors.isEmpty || left == 0 { break }
            let count = unsafe poll(&descriptors, nfds_t(descriptors.count), left)
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { break }
            for (index, descriptor) in zip(waiting, descriptors) where descriptor.revents != 0 {
                attempts[index] = goOn(attempts[index])
            }
        }
        return zip(addresses, attempts).map { ServerFinding($0, end($1)) }
    }

    private enum Attempt {
        case connecting(Int32)
        /// It has been asked, and has answered so much.
        case asked(Int32, [UInt8])
        case ended(ServerFinding.Behaviour)

        /// What it waits for.
        var awaited: pollfd? {
            switch self {
            case .connecting(let socket): pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
            case .asked(let socket, _): pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            case .ended: nil
            }
        }
    }

    private static func begin(_ address: String) -> Attempt {
        // The port is behind the last colon, also with IPv6.
        let bytes = address.utf8
        guard let colon = bytes.lastIndex(of: UInt8(ascii: ":")) else { return .ended(.unreachable("no address")) }
        var hints = unsafe addrinfo()
        unsafe hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
        unsafe hints.ai_socktype = streamType
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(
            String(address[..<colon]), String(address[bytes.index(after: colon)...]), &hints, &list)
        // The list is ours until freeaddrinfo.
        guard code == 0, let entry = unsafe list else { return .ended(.unreachable("no address")) }
        defer { unsafe freeaddrinfo(list) }
        let socket = unsafe socket(entry.pointee.ai_family, entry.pointee.ai_socktype, 0)
        guard socket >= 0 else { return .ended(.unreachable(reason(errno))) }
        _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
        _ = fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK)
        if unsafe connect(socket, entry.pointee.ai_addr, entry.pointee.ai_addrlen) == 0 || errno == EINPROGRESS {
            return .connecting(socket)
        }
        let fault = errno
        close(socket)
        return .ended(behaviour(of: fault))
    }

    /// What was waited for has come.
    private static func goOn(_ attempt: Attempt) -> Attempt {
        switch attempt {
        case .connecting(let socket):
            var fault: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            guard unsafe getsockopt(socket, SOL_SOCKET, SO_ERROR, &fault, &length) == 0, fault == 0 else {
                close(socket)
                return .ended(behaviour(of: fault))
            }
            let question = Array("srvr".utf8)
            _ = unsafe question.withUnsafeBytes { unsafe send(socket, $0.baseAddress, $0.count, noSignal) }
            return .asked(socket, [])
        case .asked(let socket, let answer):
            let part = unsafe [UInt8](unsafeUninitializedCapacity: 1_024) { buffer, count in
                count = unsafe max(0, recv(socket, buffer.baseAddress, buffer.count, 0))
            }
            if !part.isEmpty, answer.count + part.count <= 16_384 { return .asked(socket, answer + part) }
            close(socket)
            return .ended(part.isEmpty ? meaning(of: answer, isClosed: true) : .isNoServer)
        case .ended: return attempt
        }
    }

    /// The patience is at its end.
    private static func end(_ attempt: Attempt) -> ServerFinding.Behaviour {
        switch attempt {
        case .connecting(let socket):
            close(socket)
            return .isSilent
        case .asked(let socket, let answer):
            close(socket)
            return meaning(of: answer, isClosed: false)
        case .ended(let behaviour): return behaviour
        }
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
