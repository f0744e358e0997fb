// SPDX-License-Identifier: Apache-2.0

// The two pipes between zklock and its supervisor: orders one way, reports the other, each a line of words.

/// A signal that this process has got.
package struct CaughtSignal: Sendable, Hashable {
    package var number: Int32
    /// Tells whether the kernel sent it, as for a key of the terminal.
    package var isFromKernel: Bool
    /// The process that sent it; 0 if that is not known.
    package var sender: Int32
    /// Tells whether the sender is known to be the command or a descendant of it.
    package var isFromCommand: Bool

    package init(_ number: Int32, isFromKernel: Bool = false, sender: Int32 = 0, isFromCommand: Bool = false) {
        self.number = number
        self.isFromKernel = isFromKernel
        self.sender = sender
        self.isFromCommand = isFromCommand
    }

    /// Tells whether these can be the same signal, seen by two processes of a group.
    package func isSame(as other: CaughtSignal) -> Bool {
        number == other.number && isFromKernel == other.isFromKernel && sender == other.sender
    }
}

/// An order to the supervisor.
package enum Order: Sendable, Hashable {
    /// Start the command: the lock is held until the deadline at least, in nanoseconds of `Moment`, and the servers give it to
    /// nobody else for `margin` nanoseconds more, unless its node is deleted.
    case start(deadline: Int64, margin: Int64, token: String, path: String)
    /// The lock is held until then at least.
    case deadline(Int64)
    /// The command is to get a signal that zklock got, unless it has it already.
    case signal(CaughtSignal)
    /// End the command.
    case end
    /// Let the command go on, if it is stopped: zklock goes on after the stop with this number.
    case resume(Int)
    /// End everything: the lock is lost.
    case lost

    package var line: String {
        switch self {
        case .start(let deadline, let margin, let token, let path): "start \(deadline) \(margin) \(token) \(path)"
        case .deadline(let deadline): "deadline \(deadline)"
        case .signal(let signal): "signal \(signal.number) \(signal.isFromKernel ? 1 : 0) \(signal.sender)"
        case .end: "end"
        case .resume(let number): "resume \(number)"
        case .lost: "lost"
        }
    }

    package init?(line: String) {
        // A path may contain spaces.
        let words = line.split(separator: " ", maxSplits: 4, omittingEmptySubsequences: false)
        let numbers = words.dropFirst().map { Int64($0) }
        switch (words.first ?? "", words.count) {
        case ("start", 5):
            guard let deadline = numbers[0], let margin = numbers[1] else { return nil }
            self = .start(deadline: deadline, margin: margin, token: String(words[3]), path: String(words[4]))
        case ("deadline", 2):
            guard let deadline = numbers[0] else { return nil }
            self = .deadline(deadline)
        case ("signal", 4):
            guard let number = numbers[0], let isFromKernel = numbers[1], let sender = numbers[2] else { return nil }
            self = .signal(CaughtSignal(Int32(number), isFromKernel: isFromKernel != 0, sender: Int32(sender)))
        case ("end", 1): self = .end
        case ("resume", 2):
            guard let number = numbers[0] else { return nil }
            self = .resume(Int(number))
        case ("lost", 1): self = .lost
        default: return nil
        }
    }
}

/// The way in which a process ended.
package enum ProcessEnd: Sendable, Hashable {
    case exited(Int32)
    case killed(Int32)
}

/// The end of the command, and of everything of it that was to end with it.
package struct CommandEnd: Sendable, Hashable {
    package var process: ProcessEnd
    /// The signal by which zklock was told to end.
    package var told: Int32?
    /// Tells whether the lock was lost before.
    package var isLost: Bool

    package init(_ process: ProcessEnd, told: Int32? = nil, isLost: Bool = false) {
        self.process = process
        self.told = told
        self.isLost = isLost
    }
}

/// A report of the supervisor.
package enum Report: Sendable, Hashable {
    /// The command could not be executed, with the system's error.
    case notExecuted(Int32)
    /// An order has been carried out.
    case done
    /// The command runs, in a group of its own with this number; 0: in that of zklock.
    case started(group: Int32)
    /// The terminal, or a signal like its own, has stopped the command, for the how-many-th time.
    case stopped(Int)
    /// Processes of the command have been killed and do not end.
    case cannotEnd
    case ended(CommandEnd)

    package var line: String {
        switch self {
        case .notExecuted(let fault): "not-executed \(fault)"
        case .done: "done"
        case .started(let group): "started \(group)"
        case .stopped(let number): "stopped \(number)"
        case .cannotEnd: "cannot-end"
        case .ended(let end):
            switch end.process {
            case .exited(let status): "exited \(status) \(end.told ?? 0) \(end.isLost ? 1 : 0)"
            case .killed(let signal): "killed \(signal) \(end.told ?? 0) \(end.isLost ? 1 : 0)"
            }
        }
    }

    package init?(line: String) {
        let words = line.split(separator: " ")
        let numbers = words.dropFirst().compactMap { Int32($0) }
        switch (words.first ?? "", numbers.count) {
        case ("not-executed", 1): self = .notExecuted(numbers[0])
        case ("done", 0): self = .done
        case ("started", 1): self = .started(group: numbers[0])
        case ("stopped", 1): self = .stopped(Int(numbers[0]))
        case ("cannot-end", 0): self = .cannotEnd
        case ("exited", 3): self = .ended(Self.end(.exited(numbers[0]), numbers))
        case ("killed", 3): self = .ended(Self.end(.killed(numbers[0]), numbers))
        default: return nil
        }
    }

    private static func end(_ process: ProcessEnd, _ numbers: [Int32]) -> CommandEnd {
        CommandEnd(process, told: numbers[1] == 0 ? nil : numbers[1], isLost: numbers[2] != 0)
    }
}

/// Makes lines of what comes out of a pipe in parts.
package struct LineBuffer: Sendable {
    private var rest: [UInt8] = []

    package init() {}

    /// Takes the next part.
    ///
    /// - Returns: The lines that are complete now.
    package mutating func append(_ bytes: [UInt8]) -> [String] {
        rest += bytes
        var lines: [String] = []
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            lines.append(String(decoding: rest[..<end], as: UTF8.self))
            rest.removeSubrange(...end)
        }
        return lines
    }
}
