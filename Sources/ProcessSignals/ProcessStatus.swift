// SPDX-License-Identifier: Apache-2.0

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

    /// Reads the state of a process; `nil` if it does not exist, or if `pid` is below 2. Without a `/proc` of this process's
    /// own, which is so on other systems and in some containers, also `nil` for a process that is no child of this one.
    package init?(_ pid: pid_t) {
        guard pid > 1 else { return nil }
        #if os(Linux)
        if Self.isProcOurs {
            self.init(file: "/proc/\(pid)/stat")
            return
        }
        #endif
        self.init(child: pid)
    }

    /// Asks the kernel about a child that has not been waited for.
    private init?(child pid: pid_t) {
        var information = unsafe siginfo_t()
        // The pointer lives for the call. The signal is set if there is something to tell.
        guard unsafe waitid(P_PID, id_t(pid), &information, WEXITED | WNOHANG | WNOWAIT) == 0 else { return nil }
        hasEnded = unsafe information.si_signo == SIGCHLD
        unsafe information = siginfo_t()
        guard unsafe waitid(P_PID, id_t(pid), &information, WSTOPPED | WNOHANG | WNOWAIT) == 0 else { return nil }
        isStopped = unsafe !hasEnded && information.si_signo == SIGCHLD
        parent = getpid()
        group = getpgid(pid)
    }

    #if os(Linux)
    /// Tells whether `/proc` shows the processes of this process's own namespace: then it knows this process by its number.
    package static let isProcOurs: Bool = {
        let text = (try? contents(of: "/proc/self/stat")) ?? ""
        return text.split(separator: " ").first.flatMap { pid_t($0) } == getpid()
    }()

    /// Returns whether the process has stopped with all its threads. One thread may stop later than another.
    package static func isStopped(_ pid: pid_t) -> Bool {
        guard pid > 1, let tasks = try? entries(of: "/proc/\(pid)/task"), !tasks.isEmpty else { return false }
        return tasks.allSatisfy { ProcessStatus(file: "/proc/\(pid)/task/\($0)/stat")?.isStopped ?? true }
    }

    /// The live processes of the machine, each with its id; of a container, those in it. Empty without a `/proc` of its own.
    package static var all: [pid_t: ProcessStatus] {
        guard isProcOurs else { return [:] }
        var found: [pid_t: ProcessStatus] = [:]
        for name in (try? entries(of: "/proc")) ?? [] {
            guard let pid = pid_t(name), let status = ProcessStatus(file: "/proc/\(pid)/stat"), !status.hasEnded else {
                continue
            }
            found[pid] = status
        }
        return found
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
    /// Always `false`: there is none.
    package static var isProcOurs: Bool { false }

    /// Returns whether the process has stopped.
    package static func isStopped(_ pid: pid_t) -> Bool { ProcessStatus(pid)?.isStopped ?? false }

    /// Always empty: without `/proc` only children are known.
    package static var all: [pid_t: ProcessStatus] { [:] }
    #endif
}

extension [pid_t: ProcessStatus] {
    /// Those that descend from `ancestor`, over parents that are among them.
    package func descendants(of ancestor: pid_t) -> [pid_t: ProcessStatus] {
        var known: [pid_t: Bool] = [ancestor: true]
        func descends(_ pid: pid_t) -> Bool {
            if let answer = known[pid] { return answer }
            // Against circles, which processes that end and begin meanwhile can make.
            known[pid] = false
            let answer = self[pid].map { descends($0.parent) } ?? false
            known[pid] = answer
            return answer
        }
        return filter { $0.key != ancestor && descends($0.key) }
    }
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
