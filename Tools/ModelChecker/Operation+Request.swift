import ZooKeeper
import ZooKeeperRecipes

// Operations as requests to the server, and its answers.

extension Call {
    /// `true` if it was meant to set a watch, also if that has been released.
    var isWatching: Bool {
        if case .get = operation { return true }
        return false
    }
}

extension Operation {
    var request: Request.Kind {
        let directory = World.directory
        switch self {
        case .createDirectory:
            return .create(path: directory, data: [], mode: .container, accessControl: .open)
        case .create(let prefix):
            return .create(
                path: World.path(of: prefix), data: [], mode: .ephemeralSequential, accessControl: .open)
        case .exchange(let old, let prefix):
            return .transaction([
                TransactionStep(.delete(path: World.path(of: old), version: -1)),
                TransactionStep(
                    .create(path: World.path(of: prefix), data: [], mode: .ephemeralSequential, accessControl: .open)),
            ])
        case .downgrade(let writer, let reader):
            return .transaction([
                TransactionStep(
                    .create(path: World.path(of: reader), data: [], mode: .ephemeral, accessControl: .open)),
                TransactionStep(.delete(path: World.path(of: writer), version: -1)),
            ])
        case .list: return .getChildren(path: directory)
        case .sync: return .sync(path: directory)
        case .get(let name): return .getData(path: World.path(of: name))
        case .exists(let name): return .exists(path: World.path(of: name))
        case .delete(let name): return .delete(path: World.path(of: name), version: -1)
        }
    }

    var text: String {
        switch self {
        case .createDirectory: "create \(World.directory)"
        case .create(let prefix): "create \(prefix)"
        case .exchange(let old, let prefix): "exchange of \(old) for \(prefix)"
        case .downgrade(let writer, _): "downgrade of \(writer)"
        case .list: "list"
        case .sync: "sync"
        case .get(let name): "get \(name)"
        case .exists(let name): "exists \(name)"
        case .delete(let name): "delete \(name)"
        }
    }
}

extension Answer {
    init(_ result: Result<Response.Kind, ResultFailure>, to operation: Operation) {
        switch (result, operation) {
        case (.failure(let failure), _):
            let error = failure.code.error
            self = .failure(.init(error.code, error.execution))
        case (.success(.created(let path, _)), _): self = .created(World.name(of: path))
        case (.success(.transaction(let responses)), .exchange):
            guard case .created(let path, _)? = responses.last else {
                self = .done
                return
            }
            self = .created(World.name(of: path))
        case (.success(.children(let names, _)), _): self = .names(names)
        case (.success, .get(let name)): self = .read(name)
        default: self = .done
        }
    }
}
