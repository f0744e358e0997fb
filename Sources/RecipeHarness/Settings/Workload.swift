// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ZooKeeperHistory
import ZooKeeperTesting

/// The recipe that the processes use.
enum Workload: String, CaseIterable, ExpressibleByArgument, Sendable {
    case lock
    case readWrite = "read-write"
    case election

    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

/// The faults of a run.
enum Nemesis: ExpressibleByArgument, Sendable, CustomStringConvertible {
    case none
    case one(HistoryEvent.Fault)
    case all

    init?(argument: String) {
        switch argument {
        case "none": self = .none
        case "all": self = .all
        default:
            let fault = HistoryEvent.Fault(rawValue: argument)
            guard HistoryEvent.Fault.allCases.contains(fault) else { return nil }
            self = .one(fault)
        }
    }

    var faults: [HistoryEvent.Fault] {
        switch self {
        case .none: []
        case .one(let fault): [fault]
        case .all: HistoryEvent.Fault.allCases
        }
    }

    var description: String {
        switch self {
        case .none: "none"
        case .one(let fault): fault.rawValue
        case .all: "all"
        }
    }

    static var names: String {
        (["none"] + HistoryEvent.Fault.allCases.map(\.rawValue) + ["all"]).joined(separator: ", ")
    }
}
