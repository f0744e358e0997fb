// SPDX-License-Identifier: Apache-2.0

/// One request, as its caller means it: a path below the client's chroot, and an action.
///
/// Made by the operations (``GetData``, ``Create`` and so on); nothing to make by hand.
public struct Request: Sendable {
    /// The node that the request is about; `nil` for what is about many or none.
    package var path: ZNodePath?
    package var action: Action<TransactionStep>
    /// The watch that the request sets, if it is a read that sets one.
    package var watch: Watch?
    /// Tells that the path is not below the chroot: the ensemble's own nodes are the same for every client.
    package var isOutsideChroot = false

    package init(_ path: ZNodePath, _ action: Action<TransactionStep>, watch: Watch? = nil) {
        self.path = path
        self.action = action
        self.watch = watch
    }

    /// A request about no node, or about those that its action names.
    package init(_ action: Action<TransactionStep>) {
        self.action = action
    }
}

/// The action of a request.
///
/// Generic, because the steps of a transaction have paths of their own: those that callers mean
/// (``TransactionStep``), or those that the servers know (``ServerStep``).
package enum Action<Step: Sendable & Hashable>: Sendable, Hashable {
    case create(data: [UInt8], mode: CreateMode, accessControl: AccessControl)
    case delete(version: Int32)
    case exists
    case getData
    case setData(data: [UInt8], version: Int32)
    case getChildren
    case getAccessControl
    case setAccessControl(AccessControl, version: Int32)
    case sync
    case transaction([Step])
    case removeWatches(RemovableWatches)
    case authenticate(Credential)
    case reconfigure(Reconfiguration)
}

/// The watches of a node that the server can remove in one request. It keeps data and existence watches together.
package enum RemovableWatches: Sendable, Hashable {
    case dataAndExistence
    case children
}

/// One operation of a transaction: a path below the client's chroot, and an action. Made by the operations, like
/// ``Request``.
public struct TransactionStep: Sendable, Hashable {
    package enum Action: Sendable, Hashable {
        case create(data: [UInt8], mode: CreateMode, accessControl: AccessControl)
        case setData(data: [UInt8], version: Int32)
        case delete(version: Int32)
        case check(version: Int32)
    }

    package var path: ZNodePath
    package var action: Action

    package init(_ path: ZNodePath, _ action: Action) {
        self.path = path
        self.action = action
    }
}

/// The answer of a server, with paths as callers know them. Taken apart by the operations.
public struct Response: Sendable {
    package typealias Kind = ResponseKind<ZNodePath>

    package var kind: Kind

    package init(_ kind: Kind) { self.kind = kind }
}

/// The content of an answer. Generic over the paths in it: those that callers know, or the servers' (``ServerPath``).
package enum ResponseKind<Path: Sendable & Hashable>: Sendable, Hashable {
    case done
    case created(path: Path, stat: ZNodeStat?)
    case stat(ZNodeStat)
    case node(ZNode)
    case children(ChildNames, ZNodeStat)
    case accessControl(AccessControl, ZNodeStat)
    case transaction([ResponseKind])
}

extension Action {
    /// Tells whether sending the request twice does no harm.
    package var isRead: Bool {
        switch self {
        case .exists, .getData, .getChildren, .getAccessControl, .sync: true
        default: false
        }
    }

    /// Tells whether an answer proves that the leader was there when the request was executed. Reads are answered by
    /// whatever server the session is connected to, which may be cut off from its leader.
    package var isLeaderRoundTrip: Bool {
        switch self {
        case .create, .delete, .setData, .setAccessControl, .sync, .transaction, .reconfigure: true
        default: false
        }
    }

    package var isAuthentication: Bool {
        if case .authenticate = self { return true }
        return false
    }

    /// The operation, without its parameters.
    package var operation: OperationName {
        switch self {
        case .create: .create
        case .delete: .delete
        case .exists: .exists
        case .getData: .get
        case .setData: .set
        case .getChildren: .children
        case .getAccessControl: .accessControl
        case .setAccessControl: .setAccessControl
        case .sync: .sync
        case .transaction: .transaction
        case .removeWatches: .removeWatches
        case .authenticate: .authenticate
        case .reconfigure: .reconfigure
        }
    }

    /// The operation's name, for errors, logs, metrics and spans.
    package var name: String { operation.name }
}

/// The operations, by the names that errors, metrics and spans have for them.
package enum OperationName: Int, CaseIterable, Sendable {
    case create
    case delete
    case exists
    case get
    case set
    case children
    case accessControl
    case setAccessControl
    case sync
    case transaction
    case authenticate
    case reconfigure
    /// Sent by sessions of their own accord only.
    case removeWatches

    /// The operations of callers, which are measured: all but the last.
    package static var measured: ArraySlice<OperationName> { allCases.dropLast() }

    package var name: String {
        switch self {
        case .create: "create"
        case .delete: "delete"
        case .exists: "exists"
        case .get: "get"
        case .set: "set"
        case .children: "children"
        case .accessControl: "accessControl"
        case .setAccessControl: "setAccessControl"
        case .sync: "sync"
        case .transaction: "transaction"
        case .removeWatches: "removeWatches"
        case .authenticate: "authenticate"
        case .reconfigure: "reconfigure"
        }
    }
}
