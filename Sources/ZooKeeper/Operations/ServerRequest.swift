// SPDX-License-Identifier: Apache-2.0

// Requests and answers as the servers see them. The chroot is put on and taken off here and nowhere else: not in the C
// client, where a path like `foo` escapes from it; and by types, so that it can neither be forgotten nor put on twice.

/// A path as the servers know it, with the client's chroot in front.
package struct ServerPath: Sendable {
    package let string: String

    /// Puts `chroot` in front of `path`.
    package init(_ path: ZNodePath, below chroot: ZNodePath) {
        if chroot.isRoot {
            string = path.string
        } else {
            string = path.isRoot ? chroot.string : chroot.string + path.string
        }
    }

    /// The path of a node to be created. A sequential one at `/` is a child of the root whose name is its digits; to put
    /// the digits behind the chroot's own name would be to leave it.
    fileprivate init(creating path: ZNodePath, _ mode: CreateMode, below chroot: ZNodePath) {
        if path.isRoot, mode.isSequential, !chroot.isRoot {
            self.init(received: chroot.string + "/")
        } else {
            self.init(path, below: chroot)
        }
    }

    /// A path that a server has sent.
    package init(received string: String) { self.string = string }

    /// Takes `chroot` away: the path that callers know.
    package func relative(to chroot: ZNodePath) -> ZNodePath {
        guard !chroot.isRoot, string.utf8.starts(with: chroot.string.utf8) else { return ZNodePath(unchecked: string) }
        let rest = string.utf8.dropFirst(chroot.string.utf8.count)
        if rest.isEmpty { return .root }
        // Of another node, whose name only begins like the chroot's; or one outside of it.
        guard rest.first == UInt8(ascii: "/") else { return ZNodePath(unchecked: string) }
        return ZNodePath(unchecked: String(Substring(rest)))
    }
}

// Byte by byte, as for ``ZNodePath``.
extension ServerPath: Hashable, Comparable, CustomStringConvertible {
    package static func == (left: ServerPath, right: ServerPath) -> Bool {
        left.string.hasSameBytes(as: right.string)
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(string) }

    package static func < (left: ServerPath, right: ServerPath) -> Bool {
        left.string.utf8.lexicographicallyPrecedes(right.string.utf8)
    }

    package var description: String { string }
}

/// A request as it goes to a server.
package struct ServerRequest: Sendable, Hashable {
    package let path: ServerPath?
    package let action: Action<ServerStep>

    fileprivate init(_ path: ServerPath?, _ action: Action<ServerStep>) {
        self.path = path
        self.action = action
    }
}

/// One operation of a transaction as it goes to a server.
package struct ServerStep: Sendable, Hashable {
    package let path: ServerPath
    package let action: TransactionStep.Action

    fileprivate init(_ path: ServerPath, _ action: TransactionStep.Action) {
        self.path = path
        self.action = action
    }
}

extension Request {
    /// The same request, as a server sees it.
    package func rooted(at chroot: ZNodePath) -> ServerRequest {
        let chroot = isOutsideChroot ? .root : chroot
        func rooted(_ action: Action<ServerStep>) -> ServerRequest {
            ServerRequest(path.map { ServerPath($0, below: chroot) }, action)
        }
        switch action {
        case .create(let data, let mode, let accessControl):
            return ServerRequest(
                path.map { ServerPath(creating: $0, mode, below: chroot) },
                .create(data: data, mode: mode, accessControl: accessControl))
        case .delete(let version): return rooted(.delete(version: version))
        case .exists: return rooted(.exists)
        case .getData: return rooted(.getData)
        case .setData(let data, let version): return rooted(.setData(data: data, version: version))
        case .getChildren: return rooted(.getChildren)
        case .getAccessControl: return rooted(.getAccessControl)
        case .setAccessControl(let entries, let version): return rooted(.setAccessControl(entries, version: version))
        case .sync: return rooted(.sync)
        case .removeWatches(let watches): return rooted(.removeWatches(watches))
        case .transaction(let steps): return ServerRequest(nil, .transaction(steps.map { $0.rooted(at: chroot) }))
        case .authenticate(let credential): return ServerRequest(nil, .authenticate(credential))
        case .reconfigure(let change): return ServerRequest(nil, .reconfigure(change))
        }
    }
}

extension TransactionStep {
    fileprivate func rooted(at chroot: ZNodePath) -> ServerStep {
        guard case .create(_, let mode, _) = action else { return ServerStep(ServerPath(path, below: chroot), action) }
        return ServerStep(ServerPath(creating: path, mode, below: chroot), action)
    }
}

/// The answer of a server, with paths as it knows them.
package typealias ServerResponse = ResponseKind<ServerPath>

extension ServerResponse {
    /// The same answer, as callers see it.
    package func relative(to chroot: ZNodePath) -> ResponseKind<ZNodePath> {
        switch self {
        case .done: .done
        case .created(let path, let stat): .created(path: path.relative(to: chroot), stat: stat)
        case .stat(let stat): .stat(stat)
        case .node(let node): .node(node)
        case .children(let names, let stat): .children(names, stat)
        case .accessControl(let entries, let stat): .accessControl(entries, stat)
        case .transaction(let results): .transaction(results.map { $0.relative(to: chroot) })
        }
    }
}
