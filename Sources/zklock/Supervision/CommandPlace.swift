// SPDX-License-Identifier: Apache-2.0

import CZKLock
import ProcessSignals
import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The process group in which the command runs, and the terminal.
///
/// * Without a terminal the command has a group of its own.
/// * If zklock has the terminal, and is alone in its group, so has the command, and it has the terminal while it runs.
/// * Otherwise (in the background, in a pipeline, in a script that runs on a terminal) it stays in zklock's group, so that the
///   shell treats both alike. Then a process is needed that is in the group and does nothing: what it gets, the command got too.
struct CommandPlace {
    /// The controlling terminal; -1 if there is none, or if the command is none of its business.
    let terminal: CInt
    let isGroupItsOwn: Bool
    /// The process that notes the signals for the group, and the pipe through which it tells of them.
    private(set) var watcher: pid_t?
    private(set) var groupSignals: FileDescriptor?
    private var watchers = 0
    private let zklock: pid_t
    private let zklockGroup: pid_t

    init(zklock: pid_t, _ zklockGroup: pid_t) {
        self.zklock = zklock
        self.zklockGroup = zklockGroup
        let terminal = zkl_open_terminal()
        self.terminal = terminal
        let isAlone =
            ProcessStatus.isProcOurs
            ? !ProcessStatus.all.contains { $0.value.group == zklockGroup && $0.key != zklock } : zklock == zklockGroup
        isGroupItsOwn = terminal < 0 || isAlone && tcgetpgrp(terminal) == zklockGroup
        if !isGroupItsOwn { watchAgain() }
    }

    /// Starts a process that notes the signals for the group; again if one was killed, but not for ever.
    mutating func watchAgain() {
        try? groupSignals?.close()
        (watcher, groupSignals) = (nil, nil)
        guard watchers < 10, let pipe = try? System.makePipe() else { return }
        watchers += 1
        let pid = zkl_watch_group(zklockGroup, pipe.writeEnd.rawValue)
        try? pipe.writeEnd.close()
        if pid > 0 {
            (watcher, groupSignals) = (pid, pipe.readEnd)
        } else {
            try? pipe.readEnd.close()
        }
    }

    /// Ends that process. What it has noted can still be read.
    mutating func stopWatching() {
        guard let watcher else { return }
        ProcessSignal.send(SIGKILL, to: watcher)
        watchers = .max
    }

    /// The group that the command is started in; 0: a new one.
    var groupToJoin: pid_t { isGroupItsOwn ? 0 : zklockGroup }

    /// The group of the command.
    func group(of command: pid_t) -> pid_t { isGroupItsOwn ? command : zklockGroup }

    /// Tells whether zklock has the terminal, for its command.
    var isTerminalForCommand: Bool { isGroupItsOwn && terminal >= 0 && tcgetpgrp(terminal) == zklockGroup }

    /// Tells whether the command has the terminal, in a group of its own.
    func hasTerminal(_ command: pid_t) -> Bool { isGroupItsOwn && terminal >= 0 && tcgetpgrp(terminal) == command }

    /// Continues zklock, which has stopped together with its command.
    func continueZKLock() { ProcessSignal.continueParent(zklock) }

    /// Tells whether there was a terminal that is gone.
    var isTerminalGone: Bool { terminal >= 0 && tcgetpgrp(terminal) < 0 }

    /// Gives the terminal back to zklock, if the command has it, or had it when it could not be executed.
    func takeTerminalBack(from command: pid_t?) {
        guard isGroupItsOwn, terminal >= 0, getppid() == zklock else { return }
        let holder = tcgetpgrp(terminal)
        guard holder > 0, command.map({ $0 == holder }) ?? (ProcessStatus.all.values.allSatisfy { $0.group != holder })
        else { return }
        _ = zkl_set_foreground(terminal, zklockGroup)
    }

    /// Gives the command the terminal, if zklock has it, and continues it.
    func resume(_ command: pid_t, _ send: (Int32, SupervisorCore.Target) -> Void) {
        if isTerminalForCommand {
            _ = zkl_set_foreground(terminal, command)
        }
        send(SIGCONT, .group)
    }
}
