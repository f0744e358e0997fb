// SPDX-License-Identifier: Apache-2.0

/// The error that something has happened that must not happen in a benchmark, so its figures are not valid.
struct Unexpected: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
