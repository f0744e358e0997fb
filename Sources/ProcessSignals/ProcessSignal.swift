// SPDX-License-Identifier: Apache-2.0

// Signals that reach only this process's own live children: the one place from which processes are signalled.

#if canImport(Glibc)
package import Glibc
#elseif canImport(Musl)
package import Musl
#else
package import Darwin
#endif

/// Sends signals to live children of this process and their descendants, and to no other process.
///
/// A process id outlives its process only as a number: `kill(-1, …)` reaches every process on the machine, `kill(0,
/// …)` the caller's whole group, and `getpgid` of a process that is gone returns -1. So nothing is sent to a number
/// below 2, nor to one that is not a live descendant of this process at that moment; but for SIGCONT, to the parent
/// (``continueParent(_:)``).
///
/// Between the check and the signal the process may still end, and its number be given to another one. A child's
/// number stays taken until its parent has waited for it, so callers signal before they wait.
package enum ProcessSignal {
    /// Sends `signal` to one process.
    ///
    /// - Returns: `true` if it was sent; `false` if `pid` is below 2, or is not a live descendant of this process.
    @discardableResult
    package static func send(_ signal: Int32, to pid: pid_t) -> Bool {
        guard isLiveDescendant(pid) else { return false }
        return kill(pid, signal) == 0
    }

    /// Stops a process with SIGSTOP, and returns when all its threads have stopped, or after five seconds.
    ///
    /// - Returns: `true` if the process has stopped; `false` also if ``send(_:to:)`` would not signal it.
    @discardableResult
    package static func stop(_ pid: pid_t) -> Bool {
        guard send(SIGSTOP, to: pid) else { return false }
        let limit = ContinuousClock.now + .seconds(5)
        while !ProcessStatus.isStopped(pid) {
            // A live process stops within microseconds of being scheduled.
            guard isLiveDescendant(pid), ContinuousClock.now < limit else { return false }
            usleep(100)
        }
        return true
    }

    /// Sends `signal` to every process in a group in which this process has a child, which may have ended but has not been
    /// waited for: until then the number of the group is not another's.
    ///
    /// - Returns: `true` if it was sent; `false` if there is no such child, or if the group is that of this process.
    @discardableResult
    package static func send(_ signal: Int32, toGroupWithChild group: pid_t) -> Bool {
        guard group > 1, group != getpgrp(), hasChild(inGroup: group) else { return false }
        return kill(-group, signal) == 0
    }

    /// Continues the parent of this process: the one signal that goes up, and it ends nothing.
    ///
    /// - Parameter parent: The parent as it was when this process began. It may be the first process of a container. One that
    ///   has ended is not the parent any more.
    /// - Returns: `true` if it was sent; `false` if `parent` is not the parent, or is no number of a process.
    @discardableResult
    package static func continueParent(_ parent: pid_t) -> Bool {
        guard parent > 0, getppid() == parent else { return false }
        return kill(parent, SIGCONT) == 0
    }

    /// Returns whether this process has a child in a group, alive or not waited for.
    package static func hasChild(inGroup group: pid_t) -> Bool {
        guard group > 1 else { return false }
        var information = unsafe siginfo_t()
        // The pointer lives for the call.
        return unsafe waitid(P_PGID, id_t(group), &information, WEXITED | WNOHANG | WNOWAIT) == 0
    }

    /// Returns whether `pid` is a live child of this process, or a live descendant of one. A process that has ended and
    /// for which its parent has not waited yet is not alive.
    package static func isLiveDescendant(_ pid: pid_t) -> Bool {
        guard let status = ProcessStatus(pid), !status.hasEnded else { return false }
        return isDescendant(status)
    }

    private static func isDescendant(_ status: ProcessStatus) -> Bool {
        var parent = status.parent
        // Bounded: while it is followed, the chain may change.
        for _ in 0..<1_000 {
            if parent == getpid() { return true }
            guard parent > 1, let next = ProcessStatus(parent) else { return false }
            parent = next.parent
        }
        return false
    }
}
