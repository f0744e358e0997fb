#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Names to numbers. The C client is given numeric addresses only: while it resolves a name, it does nothing else, and
/// if that fails it goes on without noticing that it has lost its session.
enum Resolver {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Resolves all servers, in random order, to the list that `zookeeper_init` takes. Blocks.
    ///
    /// - Returns: The addresses that could be resolved; a failure only if none could.
    static func resolve(_ servers: [ServerAddress]) -> Result<String, Failure> {
        var addresses: [String] = []
        var faults: [String] = []
        for server in servers.shuffled() {
            switch resolve(server) {
            case .success(let found):
                for address in found where !addresses.contains(address) { addresses.append(address) }
            case .failure(let failure): faults.append(failure.description)
            }
        }
        if addresses.isEmpty { return .failure(Failure(description: faults.joined(separator: "; "))) }
        return .success(addresses.joined(separator: ","))
    }

    private static func resolve(_ server: ServerAddress) -> Result<[String], Failure> {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        #if canImport(Glibc)
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
        unsafe hints.ai_socktype = SOCK_STREAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>? = nil
        // The list is ours until freeaddrinfo.
        let code = unsafe getaddrinfo(server.host, String(server.port), &hints, &list)
        guard code == 0 else {
            let reason = unsafe String(cString: gai_strerror(code))
            return .failure(Failure(description: "\(server.host) cannot be resolved: \(reason)"))
        }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [String] = []
        var next = unsafe list
        while let entry = unsafe next {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let code = unsafe getnameinfo(
                entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
            if code == 0 {
                let address = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
                // The library takes the text behind the last colon for the port, also with IPv6.
                addresses.append("\(address):\(server.port)")
            }
            unsafe next = entry.pointee.ai_next
        }
        return .success(addresses)
    }
}
