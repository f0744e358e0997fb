// SPDX-License-Identifier: Apache-2.0

import CZooKeeper

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Names to numbers. The C client is given numeric addresses only: while it resolves a name, it does nothing else, and
/// if that fails it goes on without noticing that it has lost its session.
package enum Resolver {
    /// The addresses of all servers.
    package struct Resolution: Sendable, Hashable {
        /// `address:port`, in the order in which they are to be tried.
        package var addresses: [String]
        /// The names that cannot be resolved, with the reasons.
        package var faults: [String]

        package init(addresses: [String], faults: [String]) {
            self.addresses = addresses
            self.faults = faults
        }
    }

    /// An address that a name stands for.
    package struct Address: Sendable {
        var text: String
        var family: Int32
        /// Tells whether this machine has any way to addresses of this family.
        var isReachable: Bool

        package init(text: String, family: Int32, isReachable: Bool) {
            self.text = text
            self.family = family
            self.isReachable = isReachable
        }
    }

    /// The answer to the question for one server.
    package enum Lookup: Sendable {
        case addresses([Address])
        /// The reason why there is none, for people.
        case fault(String)
    }

    /// Puts the answers for all servers together.
    ///
    /// Where a name stands for addresses of both families, they take turns: if one of them swallows packets, the next
    /// attempt is with the other. Those that this machine has no way to are left out, unless it has none to any.
    static func resolution(
        of servers: [ServerAddress], in order: ServerOrder,
        _ answer: (ServerAddress) -> (addresses: [Address], fault: String?)
    ) -> Resolution {
        var found: [Address] = []
        var faults: [String] = []
        for server in order == .random ? servers.shuffled() : servers {
            let (addresses, fault) = answer(server)
            for address in addresses where !found.contains(where: { $0.text == address.text }) {
                found.append(address)
            }
            if let fault, !faults.contains(fault) { faults.append(fault) }
        }
        if found.contains(where: \.isReachable) { found.removeAll { !$0.isReachable } }
        return Resolution(addresses: interleaved(found).map(\.text), faults: faults.sorted())
    }

    /// The same addresses, so that the families take turns for as long as there are both.
    static func interleaved(_ addresses: [Address]) -> [Address] {
        let first = addresses.first?.family
        var queues = [addresses.filter { $0.family == first }[...], addresses.filter { $0.family != first }[...]]
        var result: [Address] = []
        while result.count < addresses.count {
            for index in queues.indices {
                if let next = queues[index].popFirst() { result.append(next) }
            }
        }
        return result
    }

    /// Asks for the addresses of one server. Blocks.
    package static func look(for server: ServerAddress) -> Lookup {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = streamType
        var list: UnsafeMutablePointer<addrinfo>? = nil
        // The list is ours until freeaddrinfo.
        let code = unsafe getaddrinfo(server.host, String(server.port), &hints, &list)
        guard code == 0 else {
            let reason = unsafe String(cString: gai_strerror(code))
            return .fault("\(server.host) cannot be resolved: \(reason)")
        }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [Address] = []
        var next = unsafe list
        while let entry = unsafe next {
            if let address = unsafe entry.pointee.ai_addr,
                let text = unsafe numeric(address, entry.pointee.ai_addrlen)
            {
                // The library takes the text behind the last colon for the port, also with IPv6.
                addresses.append(
                    Address(
                        text: "\(text):\(server.port)", family: unsafe entry.pointee.ai_family,
                        isReachable: unsafe isReachable(address, entry.pointee)))
            }
            unsafe next = entry.pointee.ai_next
        }
        return .addresses(addresses)
    }

    /// The text of a numeric address, without its port.
    static func numeric(_ address: UnsafePointer<sockaddr>, _ length: socklen_t) -> String? {
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let code = unsafe getnameinfo(
            address, length, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
        guard code == 0 else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The numeric address and the port.
    static func serverAddress(_ address: UnsafePointer<sockaddr>, _ length: socklen_t) -> ServerAddress? {
        var port = [CChar](repeating: 0, count: Int(NI_MAXSERV))
        let code = unsafe getnameinfo(address, length, nil, 0, &port, socklen_t(port.count), NI_NUMERICSERV)
        guard code == 0, let host = unsafe numeric(address, length),
            let number = Int(String(decoding: port.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
        else { return nil }
        return try? ServerAddress(host: host, port: number)
    }

    /// Looks whether there is a route. To connect a datagram socket sends nothing.
    private static func isReachable(_ address: UnsafePointer<sockaddr>, _ entry: addrinfo) -> Bool {
        let descriptor = unsafe socket(entry.ai_family, datagramType, 0)
        // Without a descriptor nothing can be said; without the family there is no such socket.
        guard descriptor >= 0 else { return errno != EAFNOSUPPORT }
        defer { _ = close(descriptor) }
        if unsafe connect(descriptor, address, entry.ai_addrlen) == 0 { return true }
        return errno != ENETUNREACH && errno != EHOSTUNREACH && errno != EADDRNOTAVAIL
    }

    private static func close(_ descriptor: Int32) -> Int32 {
        #if canImport(Glibc)
        Glibc.close(descriptor)
        #elseif canImport(Musl)
        Musl.close(descriptor)
        #else
        Darwin.close(descriptor)
        #endif
    }

    #if canImport(Glibc)
    private static let streamType = Int32(SOCK_STREAM.rawValue)
    private static let datagramType = Int32(SOCK_DGRAM.rawValue)
    #else
    private static let streamType = SOCK_STREAM
    private static let datagramType = SOCK_DGRAM
    #endif
}
