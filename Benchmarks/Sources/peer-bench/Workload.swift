// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// The workload of a run.
enum Workload: String, CaseIterable, ExpressibleByArgument, Sendable {
    case rawGet = "raw-get"
    case rawExists = "raw-exists"
    case rawSet = "raw-set"
    case rawWrite = "raw-write"
    case uncontended
    case uncontendedFresh = "uncontended-fresh"
    case parallelLocks = "parallel-locks"
    case contended
    case exclusion
    case inProcess = "in-process"
    case inProcessShared = "in-process-shared"
    case herd
    case rwlockRead = "rwlock-read"
    case election
    case electionHold = "election-hold"

    func run(_ options: Options) async throws -> Report {
        switch self {
        case .rawGet: try await runRaw(.get, options)
        case .rawExists: try await runRaw(.exists, options)
        case .rawSet: try await runRaw(.set, options)
        case .rawWrite: try await runRaw(.write, options)
        case .uncontended: try await runFreeLocks(options, contenders: 1)
        case .uncontendedFresh: try await runFreeLocks(options, contenders: 1, isFresh: true)
        case .rwlockRead: try await runFreeReadLock(options)
        case .parallelLocks: try await runFreeLocks(options, contenders: options.concurrency, isDistinct: true)
        case .contended: try await runHandoffs(options, clients: options.clients, contenders: options.clients)
        case .exclusion:
            try await runHandoffs(
                options, clients: options.clients, contenders: options.clients, holdsForARequest: true)
        // The same: a lock object has no state, so sharing it makes no difference.
        case .inProcess, .inProcessShared: try await runHandoffs(options, clients: 1, contenders: options.concurrency)
        case .herd: try await runHerd(options)
        case .election: try await runElection(options)
        case .electionHold: try await holdElection(options)
        }
    }
}
