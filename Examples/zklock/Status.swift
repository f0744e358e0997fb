import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The exit statuses of zklock itself, as in `sysexits.h` and as shells use them.
enum Status {
    static let unavailable: Int32 = 69
    static let lost: Int32 = 70
    static let notAcquired: Int32 = 75
    static let notStarted: Int32 = 127
}

/// Ignores SIGPIPE: writing to a pipe without a reader fails and does not end the process. Child processes have the
/// default action again.
func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }

/// Writes an error to standard error.
func printError(_ text: String) {
    _ = try? FileDescriptor.standardError.writeAll("zklock: \(text)\n".utf8)
}
