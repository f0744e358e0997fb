// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The name of this process, for people who look at a node and ask whose it is.
package enum ProcessIdentity {
    /// Host name and process id, for example `web-7:4711`.
    package static let description: String = {
        var name = [CChar](repeating: 0, count: 256)
        // The buffer lives for the call; the last byte stays zero.
        let code = unsafe gethostname(&name, name.count - 1)
        let host = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return "\(code == 0 && !host.isEmpty ? host : "unknown"):\(getpid())"
    }()
}
