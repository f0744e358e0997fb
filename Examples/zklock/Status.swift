import Glibc
import SystemPackage

/// The exit statuses that are not the command's; as in `sysexits.h`, and the shell's own.
enum Status {
    static let unavailable: Int32 = 69
    static let lost: Int32 = 70
    static let notHad: Int32 = 75
    static let notStarted: Int32 = 127
}

/// Lets writing to a pipe that nobody reads fail, and not end the process. What the process starts has the default
/// again.
func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }

/// Says on the standard error what went wrong.
func complain(_ text: String) {
    _ = try? FileDescriptor.standardError.writeAll("zklock: \(text)\n".utf8)
}
