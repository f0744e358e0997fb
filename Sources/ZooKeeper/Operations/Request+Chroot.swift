// The chroot is put on and taken off here, not in the C client: there, a path like `foo` escapes from it.

extension ZNodePath {
    /// Puts this chroot in front of `path`: the path that the server knows.
    package func absolute(_ path: String) -> String {
        if isRoot { return path }
        return path.utf8.count == 1 ? string : string + path
    }

    /// The same for a node to be created. A sequential one at `/` is a child of the root whose name is its digits; to
    /// put the digits behind the chroot's own name would be to leave it.
    fileprivate func absolute(creating path: String, _ mode: CreateMode) -> String {
        path.utf8.count == 1 && mode.isSequential && !PlantedBug.chrootLeaks.isPlanted ? string + "/" : absolute(path)
    }

    /// Takes this chroot away from the server's `path`: the path that callers know.
    package func relative(_ path: String) -> String {
        guard !isRoot, path.utf8.starts(with: string.utf8) else { return path }
        let rest = path.utf8.dropFirst(string.utf8.count)
        if rest.isEmpty { return "/" }
        return rest.first == UInt8(ascii: "/") ? String(Substring(rest)) : path
    }
}

extension Request {
    /// The same request, seen from outside the chroot.
    package func rooted(at chroot: ZNodePath) -> Request {
        if chroot.isRoot || isOutsideChroot { return self }
        var copy = self
        copy.kind =
            switch kind {
            case .create(let path, let data, let mode, let accessControl):
                .create(
                    path: chroot.absolute(creating: path, mode), data: data, mode: mode, accessControl: accessControl)
            case .delete(let path, let version): .delete(path: chroot.absolute(path), version: version)
            case .exists(let path): .exists(path: chroot.absolute(path))
            case .getData(let path): .getData(path: chroot.absolute(path))
            case .setData(let path, let data, let version):
                .setData(path: chroot.absolute(path), data: data, version: version)
            case .getChildren(let path): .getChildren(path: chroot.absolute(path))
            case .getAccessControl(let path): .getAccessControl(path: chroot.absolute(path))
            case .setAccessControl(let path, let accessControl, let version):
                .setAccessControl(path: chroot.absolute(path), accessControl: accessControl, version: version)
            case .sync(let path): .sync(path: chroot.absolute(path))
            case .transaction(let steps): .transaction(steps.map { TransactionStep($0.kind.rooted(at: chroot)) })
            case .removeWatches, .authenticate, .reconfigure: kind
            }
        return copy
    }
}

extension TransactionStep.Kind {
    fileprivate func rooted(at chroot: ZNodePath) -> Self {
        switch self {
        case .create(let path, let data, let mode, let accessControl):
            .create(
                path: chroot.absolute(creating: path, mode), data: data, mode: mode, accessControl: accessControl)
        case .setData(let path, let data, let version):
            .setData(path: chroot.absolute(path), data: data, version: version)
        case .delete(let path, let version): .delete(path: chroot.absolute(path), version: version)
        case .check(let path, let version): .check(path: chroot.absolute(path), version: version)
        }
    }
}

extension Response {
    /// The same answer, seen from inside the chroot.
    package func relative(to chroot: ZNodePath) -> Response {
        chroot.isRoot ? self : Response(kind.relative(to: chroot))
    }
}

extension Response.Kind {
    fileprivate func relative(to chroot: ZNodePath) -> Response.Kind {
        switch self {
        case .created(let path, let stat): .created(path: chroot.relative(path), stat: stat)
        case .transaction(let results): .transaction(results.map { $0.relative(to: chroot) })
        default: self
        }
    }
}
