// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeperTesting

/// A fault that is injected while two libraries contend for a lock.
enum Fault: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case none = "handed over"
    case contended = "contended"
    case holderKilled = "holder killed"
    case holderFrozen = "holder frozen"
    case waiterKilled = "waiter killed"
    case waiterFrozen = "waiter frozen"
    case waiterEvicted = "waiter's node deleted"
    case serverRestarted = "server restarted"

    /// All, or the one that `INTEROP_FAULT` names.
    static let chosen = allCases.filter { [nil, $0.rawValue].contains(environmentValue("INTEROP_FAULT")) }

    var testDescription: String { rawValue }
}
