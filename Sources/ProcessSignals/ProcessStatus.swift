// The state of a process, as the kernel reports it.

import SystemPackage

#if canImport(Glibc)
package import Glibc
#elseif canImport(Musl)
package import Musl
#else
package import Darwin
#endif

/// The state of a process at one moment.
package struct ProcessStatus: Sendable, Hashable {
    /// The parent's process id.
    package var parent: pid_t
    /// The process group.
    package var group: pid_t
    /// Indicates whether the process has ended and its parent has not waited for it yet.
    package var hasEnded: Bool
    /// Indicates whether the process has been stopped, by SIGSTOP or a similar signal.
    package var isStopped: Bool

    #if os(Linux)
    /// Reads the state of a process; `nil` if it does not exist, or if `pid` is below 2.
    package init?(_ pid: pid_t) {
        guard pid > 1 else { return nil }
        self.init(file: "/proc/\(pid)/stat")
    }

    /// Returns whether the process has stopped with all its threads. One thread may stop later than another.
    package static func isStopped(_ pid: pid_t) -> Bool {
        guard pid > 1, let tasks = try? entries(of: "/proc/\(pid)/task"), !tasks.isEmpty else { return false }
        return tasks.allSatisfy { ProcessStatus(file: "/proc/\(pid)/task/\($0)/stat")?.isStopped ?? true }
    }

    /// Indicates whether there are other live processes in the group of this process.
    package static var isGroupShared: Bool {
        let (own, group) = (getpid(), getpgrp())
        return ((try? entries(of: "/proc")) ?? []).contains { name in
            guard let pid = pid_t(name), pid != own, let status = ProcessStatus(pid) else { return false }
            return status.group == group && !status.hasEnded
        }
    }

    private init?(file: String) {
        guard let text = try? contents(of: file) else { return nil }
        self.init(stat: text)
    }

    /// Parses the text of `/proc/PID/stat`: `PID (NAME) STATE PARENT GROUP …`, where the name may contain any
    /// character.
    package init?(stat: String) {
        guard let end = stat.utf8.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = stat[end...].dropFirst().split(separator: " ")
        guard fields.count > 2, let parent = pid_t(fields[1]), let group = pid_t(fields[2]) else { return nil }
        self.parent = parent
        self.group = group
        hasEnded = ["Z", "X", "x"].contains(fields[0])
        isStopped = ["T", "t"].contains(fields[0])
    }
    #else
    /// Reads the state of a direct child; `nil` for any other process, since without `/proc` descendants are not known.
    package init?(_ pid: pid_t) {
        guard pid > 1 else { return nil }
        var information = siginfo_t()
        // The pointer lives for the call.
        guard unsafe waitid(P_PID, id_t(pid), &information, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) == 0 else {
            return nil
        }
        parent = getpid()
        group = getpgid(pid)
        hasEnded = unsafe information.si_pid == pid && information.si_code != CLD_STOPPED
        isStopped = unsafe information.si_pid == pid && information.si_code == CLD_STOPPED
    }

    /// Returns whether the process has stopped.
    package static func isStopped(_ pid: pid_t) -> Bool { ProcessStatus(pid)?.isStopped ?? false }

    /// Always `false`: without `/proc` the members of a group are not known.
    package static var isGroupShared: Bool { false }
    #endif
}

#if os(Linux)
private func contents(of path: String) throws -> String {
    let descriptor = try FileDescriptor.open(FilePath(path), .readOnly, options: [.closeOnExec])
    defer { try? descriptor.close() }
    var bytes = [UInt8](repeating: 0, count: 4_096)
    // The buffer lives for the call; a line of this file is shorter.
    let count = unsafe try bytes.withUnsafeMutableBytes { unsafe try descriptor.read(into: $0) }
    return String(decoding: bytes[..<count], as: UTF8.self)
}

private func entries(of path: String) throws -> [String] {
    guard let directory = unsafe opendir(path) else { throw Errno(rawValue: errno) }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    // What is read stays valid until the next call.
    while let entry = unsafe readdir(directory) {
        let name = unsafe withUnsafePointer(to: entry.pointee.d_name) { name in
            unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
        }
        if name.allSatisfy(\.isNumber) { names.append(name) }
    }
    return names
}
#endif
