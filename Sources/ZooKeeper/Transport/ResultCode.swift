// SPDX-License-Identifier: Apache-2.0

/// The result of a request as a number: the protocol's codes (`KeeperException.Code`) and the C client's own.
package struct ResultCode: RawRepresentable, Hashable, Sendable {
    package let rawValue: Int32

    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let ok = ResultCode(rawValue: 0)
    package static let systemError = ResultCode(rawValue: -1)
    package static let runtimeInconsistency = ResultCode(rawValue: -2)
    package static let connectionLoss = ResultCode(rawValue: -4)
    package static let marshallingError = ResultCode(rawValue: -5)
    package static let unimplemented = ResultCode(rawValue: -6)
    package static let operationTimeout = ResultCode(rawValue: -7)
    package static let badArguments = ResultCode(rawValue: -8)
    package static let invalidState = ResultCode(rawValue: -9)
    package static let tlsError = ResultCode(rawValue: -15)
    package static let newConfigurationHasNoQuorum = ResultCode(rawValue: -13)
    package static let reconfigurationUnderWay = ResultCode(rawValue: -14)
    package static let noNode = ResultCode(rawValue: -101)
    package static let noAuth = ResultCode(rawValue: -102)
    package static let badVersion = ResultCode(rawValue: -103)
    package static let noChildrenForEphemerals = ResultCode(rawValue: -108)
    package static let nodeExists = ResultCode(rawValue: -110)
    package static let notEmpty = ResultCode(rawValue: -111)
    package static let sessionExpired = ResultCode(rawValue: -112)
    package static let invalidACL = ResultCode(rawValue: -114)
    package static let authFailed = ResultCode(rawValue: -115)
    package static let closing = ResultCode(rawValue: -116)
    package static let sessionMoved = ResultCode(rawValue: -118)
    package static let ephemeralOnLocalSession = ResultCode(rawValue: -120)
    package static let noWatcher = ResultCode(rawValue: -121)
    package static let requestTimeout = ResultCode(rawValue: -122)
    package static let reconfigurationDisabled = ResultCode(rawValue: -123)
    package static let authenticationRequired = ResultCode(rawValue: -124)
    package static let quotaExceeded = ResultCode(rawValue: -125)
    package static let throttled = ResultCode(rawValue: -127)

    /// Tells whether this is a server's answer about a request it has executed or refused; and so a sign of life.
    package var isAnswer: Bool {
        switch self {
        case .ok, .unimplemented, .badArguments, .newConfigurationHasNoQuorum, .reconfigurationUnderWay: true
        default:
            rawValue <= -101 && self != .sessionExpired && self != .authFailed && self != .closing
                && self != .authenticationRequired
        }
    }

    /// Tells whether a write or `sync` with this result was looked at by the leader.
    package var provesLeader: Bool {
        switch self {
        case .ok, .noNode, .nodeExists, .badVersion, .notEmpty, .noChildrenForEphemerals: true
        default: false
        }
    }

    /// Tells whether the connection was lost, so that the request may have been executed or not.
    package var isConnectionLoss: Bool {
        switch self {
        case .connectionLoss, .operationTimeout, .systemError, .runtimeInconsistency, .tlsError, .sessionMoved: true
        default: false
        }
    }

    /// The error that users see.
    package var error: ZooKeeperError {
        switch self {
        case .noNode: ZooKeeperError(.noNode, execution: .refused)
        case .noAuth: ZooKeeperError(.noAuth, execution: .refused)
        case .badVersion: ZooKeeperError(.badVersion, execution: .refused)
        case .noChildrenForEphemerals: ZooKeeperError(.noChildrenForEphemerals, execution: .refused)
        case .nodeExists: ZooKeeperError(.nodeExists, execution: .refused)
        case .notEmpty: ZooKeeperError(.notEmpty, execution: .refused)
        case .invalidACL: ZooKeeperError(.invalidACL, execution: .refused)
        case .unimplemented: ZooKeeperError(.unimplemented, execution: .refused)
        case .newConfigurationHasNoQuorum:
            ZooKeeperError(
                .refused, execution: .refused, message: "too few of the new servers are running and up to date")
        case .reconfigurationUnderWay:
            ZooKeeperError(.refused, execution: .refused, message: "another reconfiguration is under way")
        case .reconfigurationDisabled:
            ZooKeeperError(
                .unimplemented, execution: .refused, message: "reconfiguration is switched off (reconfigEnabled)")
        case .quotaExceeded: ZooKeeperError(.quotaExceeded, execution: .refused)
        case .throttled: ZooKeeperError(.throttled, execution: .refused)
        case .badArguments:
            ZooKeeperError(.invalidArgument, execution: .refused, message: "the server rejected the arguments")
        case .sessionMoved:
            ZooKeeperError(
                .connectionLoss, execution: .refused, message: "the session has moved to another server")
        case .sessionExpired: ZooKeeperError(.sessionLost, execution: .unknown, message: "the session has expired")
        case .authFailed: ZooKeeperError(.authenticationFailed, execution: .unknown)
        case .ephemeralOnLocalSession:
            ZooKeeperError(
                .refused, execution: .refused,
                message: "this session is local to its server, which does not let it have ephemeral nodes")
        case .requestTimeout:
            ZooKeeperError(
                .refused, execution: .unknown,
                message: "the ensemble did not complete the request in its own time limit")
        case .authenticationRequired:
            ZooKeeperError(
                .authenticationFailed, execution: .refused,
                message: "the servers want clients to authenticate; see ZooKeeperConfiguration.credentials")
        case .closing: ZooKeeperError(.closed, execution: .unknown)
        case .invalidState: ZooKeeperError(.sessionLost, message: "the session has ended")
        case .connectionLoss: ZooKeeperError(.connectionLoss, execution: .unknown)
        case .operationTimeout:
            ZooKeeperError(.connectionLoss, execution: .unknown, message: "the server was silent for too long")
        case .systemError:
            ZooKeeperError(.connectionLoss, execution: .unknown, message: "the system gave no socket, or no memory")
        case .runtimeInconsistency:
            ZooKeeperError(.connectionLoss, execution: .unknown, message: "the answers do not match the requests")
        case .marshallingError:
            ZooKeeperError(.connectionLoss, execution: .unknown, message: "the answer cannot be read")
        case .tlsError: ZooKeeperError(.connectionLoss, execution: .unknown, message: "TLS failed")
        case .noWatcher:
            ZooKeeperError(.refused, execution: .refused, message: "the server has no such watch")
        default:
            ZooKeeperError(
                .refused, execution: rawValue <= -100 ? .refused : .unknown,
                message: "result code \(rawValue), which this client does not know")
        }
    }
}
