// SPDX-License-Identifier: Apache-2.0

/// The error that the test kit throws when something that it needs is missing or fails. Its description says what is
/// wrong and what to do.
public struct TestKitError: Error, Sendable, CustomStringConvertible {
    /// The text of the error.
    public let description: String

    package init(_ description: String) { self.description = description }
}
