// SPDX-License-Identifier: Apache-2.0

/// The command that runs while the lock is held.
package struct HeldCommand: Sendable, Hashable {
    /// The program and its arguments: the end of the command line, or a shell, `-c` and a string.
    package var words: [String]
    /// Tells whether it is a string for a shell.
    package var isShellString = false

    package init(_ words: [String], isShellString: Bool = false) {
        self.words = words
        self.isShellString = isShellString
    }

    /// The program, as it was named.
    package var name: String { words.first ?? "" }
}
