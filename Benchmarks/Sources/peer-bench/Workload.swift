import ArgumentParser

/// What a run does. Those without a recipe here yet are known, so that they are left out and not taken for a mistake.
enum Workload: String, CaseIterable, ExpressibleByArgument, Sendable {
    case rawGet = "raw-get"
    case rawExists = "raw-exists"
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

    /// - Returns: `nil` if there is no recipe for it.
    func run(_ options: Options) async throws -> Report? {
        switch self {
        case .rawGet: try await runRaw(.get, options)
        case .rawExists: try await runRaw(.exists, options)
        case .rawWrite: try await runRaw(.write, options)
        case .uncontended: try await runFreeLocks(options, contenders: 1)
        case .uncontendedFresh: try await runFreeLocks(options, contenders: 1, isFresh: true)
        case .parallelLocks: try await runFreeLocks(options, contenders: options.concurrency, isDistinct: true)
        case .contended: try await runHandoffs(options, clients: options.clients, contenders: options.clients)
        case .exclusion:
            try await runHandoffs(
                options, clients: options.clients, contenders: options.clients, holdsForARequest: true)
        case .inProcess: try await runHandoffs(options, clients: 1, contenders: options.concurrency)
        case .herd: try await runHerd(options)
        case .inProcessShared, .rwlockRead, .election, .electionHold: nil
        }
    }
}
