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

extension World {
    static func request(_ path: String, _ action: Action<TransactionStep>) -> ServerRequest {
        Request(ZNodePath(unchecked: path), action).rooted(at: .root)
    }

    static func step(_ name: String, _ action: TransactionStep.Action) -> TransactionStep {
        TransactionStep(ZNodePath(unchecked: path(of: name)), action)
    }
}

extension Operation {
    var request: ServerRequest {
        switch self {
        case .createDirectory:
            return World.request(World.directory, .create(data: [], mode: .container, accessControl: .open))
        case .create(let prefix):
            return World.request(
                World.path(of: prefix), .create(data: [], mode: .ephemeralSequential, accessControl: .open))
        case .exchange(let old, let prefix):
            return Request(
                .transaction([
                    World.step(old, .delete(version: -1)),
                    World.step(prefix, .create(data: [], mode: .ephemeralSequential, accessControl: .open)),
                ])
            ).rooted(at: .root)
        case .downgrade(let writer, let reader):
            return Request(
                .transaction([
                    World.step(reader, .create(data: [], mode: .ephemeral, accessControl: .open)),
                    World.step(writer, .delete(version: -1)),
                ])
            ).rooted(at: .root)
        case .list: return World.request(World.directory, .getChildren)
        case .sync: return World.request(World.directory, .sync)
        case .get(let name): return World.request(World.path(of: name), .getData)
        case .exists(let name): return World.request(World.path(of: name), .exists)
        case .delete(let name): return World.request(World.path(of: name), .delete(version: -1))
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
    init(_ result: Result<ServerResponse, ResultFailure>, to operation: Operation) {
        switch (result, operation) {
        case (.failure(let failure), _):
            let error = failure.code.error
            self = .failure(.init(error.code, error.execution))
        case (.success(.created(let path, _)), _): self = .created(World.name(of: path.string))
        case (.success(.transaction(let responses)), .exchange):
            guard case .created(let path, _)? = responses.last else {
                self = .done
                return
            }
            self = .created(World.name(of: path.string))
        case (.success(.children(let names, _)), _): self = .names(Array(names))
        case (.success, .get(let name)): self = .read(name)
        default: self = .done
        }
    }
}
