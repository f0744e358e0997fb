// SPDX-License-Identifier: Apache-2.0

// The system calls of zklock that take pointers: the one file of it with `unsafe`. Each pointer is good for its call only, and
// refers to memory that the caller keeps until the call returns; C keeps none of them.

import CZKLock
import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

enum System {
    /// A change of a child process.
    enum Change: Sendable, Hashable {
        case ended(ProcessEnd)
        case stopped(Int32)
        case continued
    }

    /// Makes a pipe that no other program inherits, whose ends never block.
    static func makePipe() throws -> (readEnd: FileDescriptor, writeEnd: FileDescriptor) {
        let ends = try FileDescriptor.pipe()
        for end in [ends.readEnd, ends.writeEnd] {
            _ = fcntl(end.rawValue, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end.rawValue, F_SETFL, O_NONBLOCK)
        }
        return ends
    }

    /// Reads what there is.
    ///
    /// - Returns: `nil` at the end; nothing if there is nothing now.
    static func read(_ descriptor: FileDescriptor) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe readOnce(descriptor.rawValue, buffer.baseAddress, buffer.count)
            }
            if count > 0 { return Array(bytes[..<count]) }
            if count == 0 { return nil }
            if errno == EAGAIN { return [] }
            if errno != EINTR { return nil }
        }
    }

    /// Lets reads wait.
    static func setBlocking(_ file: FileDescriptor) {
        _ = fcntl(file.rawValue, F_SETFL, fcntl(file.rawValue, F_GETFL) & ~O_NONBLOCK)
    }

    /// Reads all there is until the end.
    ///
    /// - Returns: `nil` if it is longer than `limit` bytes.
    static func readAll(_ file: FileDescriptor, limit: Int) throws -> [UInt8]? {
        var text: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = unsafe try part.withUnsafeMutableBytes { unsafe try file.read(into: $0) }
            if count == 0 { return text }
            text += part[..<count]
            if text.count > limit { return nil }
        }
    }

    /// Reads the signals that have been written to a pipe.
    ///
    /// - Returns: `nil` if there are none, and will be none.
    static func readSignals(_ descriptor: FileDescriptor) -> [CaughtSignal]? {
        var signals: [CaughtSignal] = []
        var signal = zkl_signal()
        while true {
            // A signal is written as a whole.
            let count = unsafe withUnsafeMutableBytes(of: &signal) {
                unsafe readOnce(descriptor.rawValue, $0.baseAddress, $0.count)
            }
            if count == 0, signals.isEmpty { return nil }
            guard count == MemoryLayout<zkl_signal>.size else { return signals }
            signals.append(
                CaughtSignal(
                    signal.number, isFromKernel: signal.from_kernel != 0, sender: signal.sender,
                    isFromCommand: signal.from_family != 0))
        }
    }

    /// Starts a program in `group`, 0 being one of its own. See `zkl_spawn`.
    ///
    /// Words of this process's own command line are passed on as they are there, byte by byte: in a `String`, bytes that are no
    /// UTF-8 have been replaced. They stay where they are for the life of the process.
    ///
    /// - Returns: Its process id.
    static func spawn(_ command: HeldCommand, group: pid_t, terminal: CInt) throws(Errno) -> pid_t {
        let own = unsafe (0..<Int(CommandLine.argc)).map { unsafe CommandLine.unsafeArgv[$0] }
        var pointers: [UnsafeMutablePointer<CChar>?]
        if command.isShellString {
            let text = command.words.last ?? ""
            let string = unsafe own.first { unsafe $0.map { unsafe String(cString: $0) } == text } ?? nil
            unsafe pointers = command.words.dropLast().map { unsafe strdup($0) } + [string ?? strdup(text)]
        } else {
            // The command is the end of the command line.
            unsafe pointers = Array(own.suffix(command.words.count))
        }
        unsafe pointers.append(nil)
        let pid = unsafe zkl_spawn(&pointers, group, terminal)
        guard pid > 0 else { throw Errno(rawValue: errno) }
        return pid
    }

    /// The next change of a child, if there is one. One that has ended stays there.
    static func change(of pid: pid_t) -> Change? {
        let change = zkl_change_of(pid)
        return switch Int(change.kind) {
        case ZKL_EXITED: .ended(.exited(change.value))
        case ZKL_KILLED: .ended(.killed(change.value))
        case ZKL_STOPPED: .stopped(change.value)
        case ZKL_CONTINUED: .continued
        default: nil
        }
    }

    /// A variable of the environment, if it is there and not empty.
    static func variable(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        let text = unsafe String(cString: value)
        return text.isEmpty ? nil : text
    }

    /// Sets a variable of the environment, in a process with one thread.
    static func setVariable(_ name: String, to value: String) { _ = unsafe setenv(name, value, 1) }

    /// The words for an error of the system.
    static func words(_ fault: Int32) -> String { unsafe String(cString: strerror(fault)) }
}

/// The system's `read`, by another name than that of `System.read`.
private func readOnce(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    unsafe read(descriptor, buffer, count)
}
