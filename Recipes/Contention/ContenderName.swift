// SPDX-License-Identifier: Apache-2.0

/// The name of a node in the queue: the part before the digits says which access it asks for, the digits say its
/// position.
package struct ContenderName: Sendable, Hashable {
    /// The whole name.
    package var name: String
    /// The number the server gave.
    package var sequence: Int64
    package var kind: ContenderKind

    package init(name: String, sequence: Int64, kind: ContenderKind = .exclusive) {
        self.name = name
        self.sequence = sequence
        self.kind = kind
    }
}

/// The access that a participant asks for.
@nonexhaustive
public enum ContenderKind: Sendable, Hashable {
    /// To be alone.
    case exclusive
    /// To keep out only those who want to be alone.
    case shared
}
