// SPDX-License-Identifier: Apache-2.0

package import ZooKeeper

/// A valid request to run a command under a lock.
package struct HoldRequest: Sendable, Hashable {
    /// The kind of lock, and so the participants that it excludes.
    package enum Kind: Sendable, Hashable {
        /// Curator's `InterProcessMutex`.
        case mutex
        /// A reader of Curator's `InterProcessReadWriteLock`.
        case shared
        /// A writer of the same.
        case exclusive
    }

    /// The wait for the lock.
    package enum Patience: Sendable, Hashable {
        case forever
        case none
        case upTo(Duration)
    }

    package var path: ZNodePath
    package var command: HeldCommand
    package var kind = Kind.mutex
    package var isKazoo = false
    package var patience = Patience.forever
    /// The exit status for a lock that is taken.
    package var statusIfTaken = Status.taken
    package var grace = Duration.seconds(2)
    package var holdAtLeast = Duration.zero
    package var oncePer: Duration?
    /// The participant's name; `nil`: host name and process id.
    package var id: String?
    /// Ends the command when another client asks for the lock.
    package var isRevocable = false
    package var isQuiet = false
    package var isVerbose = false

    package init(path: ZNodePath, command: HeldCommand) {
        self.path = path
        self.command = command
    }

    /// Writes an error to standard error, unless none are wanted.
    func say(_ text: @autoclosure () -> String) {
        if !isQuiet { printError(text()) }
    }

    /// Writes to standard error what is going on, if that is wanted.
    func tell(_ text: @autoclosure () -> String) {
        if isVerbose { printError(text()) }
    }
}
