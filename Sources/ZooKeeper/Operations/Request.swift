/// One request, as it goes to the server: every path is the server's, with the chroot in front.
///
/// Made by the operations (``GetData``, ``Create`` and so on); nothing to make by hand.
public struct Request: Sendable {
    package enum Kind: Sendable, Hashable {
        case create(path: String, data: [UInt8], mode: CreateMode, accessControl: AccessControl)
        case delete(path: String, version: Int32)
        case exists(path: String)
        case getData(path: String)
        case setData(path: String, data: [UInt8], version: Int32)
        case getChildren(path: String)
        case getAccessControl(path: String)
        case setAccessControl(path: String, accessControl: AccessControl, version: Int32)
        case sync(path: String)
        case transaction([TransactionStep])
        case removeWatches(path: String, table: RemovableWatches)
        case authenticate(Credential)
        case reconfigure(Reconfiguration)
    }

    package var kind: Kind
    /// The watch that the request sets, if it is a read that sets one.
    package var watch: Watch?
    /// Tells that the path is not below the chroot: the ensemble's own nodes are the same for every client.
    package var isOutsideChroot = false
    /// Tells that a removal of watches is not to be sent if a caller wants them again when its turn comes.
    package var isOnlyIfUnused = false

    package init(_ kind: Kind, watch: Watch? = nil) {
        self.kind = kind
        self.watch = watch
    }
}

/// The watches of a node that the server can remove in one request. It keeps data and existence watches together.
package enum RemovableWatches: Sendable, Hashable {
    case dataAndExistence
    case children
}

/// One operation of a transaction, as it goes to the server. Made by the operations, like ``Request``.
public struct TransactionStep: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        case create(path: String, data: [UInt8], mode: CreateMode, accessControl: AccessControl)
        case setData(path: String, data: [UInt8], version: Int32)
        case delete(path: String, version: Int32)
        case check(path: String, version: Int32)
    }

    package var kind: Kind

    package init(_ kind: Kind) { self.kind = kind }
}

/// The answer of a server. Taken apart by the operations.
public struct Response: Sendable {
    package enum Kind: Sendable, Hashable {
        case done
        case created(path: String, stat: ZNodeStat?)
        case stat(ZNodeStat)
        case node(ZNode)
        case children([String], ZNodeStat)
        case accessControl(AccessControl, ZNodeStat)
        case transaction([Kind])
    }

    package var kind: Kind

    package init(_ kind: Kind) { self.kind = kind }
}

extension Request {
    /// Tells whether sending the request twice does no harm.
    package var isRead: Bool {
        switch kind {
        case .exists, .getData, .getChildren, .getAccessControl, .sync: true
        default: false
        }
    }

    /// Tells whether an answer proves that the leader was there when the request was executed. Reads are answered by
    /// whatever server the session is connected to, which may be cut off from its leader.
    package var isLeaderRoundTrip: Bool {
        switch kind {
        case .create, .delete, .setData, .setAccessControl, .sync, .transaction, .reconfigure: true
        default: false
        }
    }

    /// The operation's name, for errors, logs and metrics.
    package var name: String {
        switch kind {
        case .create: "create"
        case .delete: "delete"
        case .exists: "exists"
        case .getData: "get"
        case .setData: "set"
        case .getChildren: "children"
        case .getAccessControl: "accessControl"
        case .setAccessControl: "setAccessControl"
        case .sync: "sync"
        case .transaction: "transaction"
        case .removeWatches: "removeWatches"
        case .authenticate: "authenticate"
        case .reconfigure: "reconfigure"
        }
    }

    /// The path the request is about; `nil` for what is about many or none.
    package var path: String? {
        switch kind {
        case .create(let path, _, _, _), .delete(let path, _), .exists(let path), .getData(let path),
            .setData(let path, _, _), .getChildren(let path), .getAccessControl(let path),
            .setAccessControl(let path, _, _), .sync(let path), .removeWatches(let path, _):
            path
        case .transaction, .authenticate, .reconfigure: nil
        }
    }
}
