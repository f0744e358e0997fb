// SPDX-License-Identifier: Apache-2.0

import TestSupport

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The members of verdict.json that other programs rely on.
struct Verdict: Decodable {
    struct Party: Decodable, Equatable {
        var processes: Int
        var outcomes: [String: Int]
        var grants: Int
        var violations: [String: Int]
        var requests: [String: Int]
    }

    struct Recoveries: Decodable {
        var count: Int
        var open: Int
        var worst: Int?
    }

    var arguments: [String]
    var wasInterrupted: Bool
    var library: String?
    var ours: Party
    var theirs: Party?
    var leftInQueue: Int
    var faults: [String: Int]
    var recoveries: Recoveries

    /// Reads the verdict of a run.
    init(in directory: String) throws {
        self = try JSONDecoder().decode(Verdict.self, from: Data(readFile("\(directory)/verdict.json").utf8))
    }
}
