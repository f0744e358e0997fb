// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

/// Reads queues, and writes nothing.
struct SurveyReader: Sendable {
    /// So many nodes are looked at.
    static let limit = 100_000

    let client: ZooKeeperClient

    /// Reads the queue at `path`, and all below it, level by level.
    ///
    /// - Throws: `ZooKeeperError`: `noAuth` if the children of `path` itself may not be listed; and what any call may
    ///   throw.
    func survey(_ path: ZNodePath) async throws(ZooKeeperError) -> QueueSurvey {
        let root = try await view(of: path) ?? QueueView(path, children: ChildGroups([]), nodes: [:])
        var survey = QueueSurvey(path, queues: [])
        var level = root.otherChildren.map { path.child($0) }
        var seen = level.count
        while !level.isEmpty {
            if seen > Self.limit {
                survey.isComplete = false
                break
            }
            var directories: [Directory] = []
            for (node, answer) in zip(level, try await answers(to: level.map { GetChildren($0).makeRequest() })) {
                switch answer {
                case .success(let response):
                    guard case .children(let names, _) = response.kind, !names.isEmpty else { continue }
                    directories.append((node, ChildGroups(Array(names))))
                case .failure(let error):
                    switch error.code {
                    case .noNode: continue
                    case .noAuth: survey.unreadable.append(node)
                    default: throw error
                    }
                }
            }
            survey.queues += try await views(of: directories).filter(\.isWorthShowing)
            level = directories.flatMap { node, children in children.others.map { node.child($0) } }
            seen += level.count
        }
        survey.queues.sort { $0.path < $1.path }
        if root.isWorthShowing || survey.queues.isEmpty { survey.queues.insert(root, at: 0) }
        return survey
    }

    /// Reads the queue at `path`; `nil` if there is no such node.
    func view(of path: ZNodePath) async throws(ZooKeeperError) -> QueueView? {
        let names: [String]
        do { names = try await client.send(GetChildren(path)).names } catch {
            if error.code == .noNode { return nil }
            throw error
        }
        return try await views(of: [(path, ChildGroups(names))]).first
    }

    /// Reads the queue at `path`, with a watch that sees its next change.
    ///
    /// - Parameter known: The state before, of which no node is read again.
    func watchedView(
        of path: ZNodePath, known: QueueView?
    ) async throws(ZooKeeperError) -> (QueueView, ZooKeeper.Watch) {
        let (children, watch) = try await client.readWatched(GetChildren(path), at: path)
        var nodes: [ZNodePath: NodeContent] = [:]
        for entry in known?.entries ?? [] { nodes[path.child(entry.name.name)] = entry.node }
        let groups = ChildGroups(children?.names ?? [])
        return (QueueView(path, children: groups, nodes: try await read([(path, groups)], known: nodes)), watch)
    }

    private typealias Directory = (path: ZNodePath, children: ChildGroups)

    /// Reads the queues of directories whose children are known.
    private func views(of directories: [Directory]) async throws(ZooKeeperError) -> [QueueView] {
        let nodes = try await read(directories, known: [:])
        return directories.map { QueueView($0.path, children: $0.children, nodes: nodes) }
    }

    /// Reads the nodes of all participants, and the markers of last runs. Those that have gone are left out.
    ///
    /// - Parameter known: Nodes that are not read again.
    private func read(
        _ directories: [Directory], known: [ZNodePath: NodeContent]
    ) async throws(ZooKeeperError) -> [ZNodePath: NodeContent] {
        var nodes = known
        var unread: [ZNodePath] = []
        for (path, children) in directories {
            unread += children.participants.values.joined().map { path.child($0.name) }.filter { known[$0] == nil }
            if children.hasLastRun { unread.append(path.child(ChildGroups.lastRunName)) }
        }
        var hidden: [ZNodePath] = []
        for (node, answer) in zip(unread, try await answers(to: unread.map { GetData($0).makeRequest() })) {
            switch answer {
            case .success(let response):
                if case .node(let value) = response.kind { nodes[node] = NodeContent(value) }
            case .failure(let error):
                switch error.code {
                case .noNode: continue
                case .noAuth: hidden.append(node)
                default: throw error
                }
            }
        }
        // Servers before version 3.9.3 tell the stat of a node to everyone.
        for (node, answer) in zip(hidden, try await answers(to: hidden.map { Exists($0).makeRequest() })) {
            switch answer {
            case .success(let response):
                if case .stat(let stat) = response.kind { nodes[node] = NodeContent(stat: stat) }
            case .failure(let error):
                switch error.code {
                case .noNode: continue
                case .noAuth: nodes[node] = NodeContent()
                default: throw error
                }
            }
        }
        return nodes
    }

    /// Sends requests, so many at once as servers bear, and waits for all answers.
    private func answers(to requests: [Request]) async throws(ZooKeeperError) -> [PendingRequest.Answer] {
        var answers: [PendingRequest.Answer] = []
        var rest = requests[...]
        while !rest.isEmpty {
            let part = rest.prefix(min(500, client.configuration.maximumRequestsUnderWay))
            rest = rest.dropFirst(part.count)
            let session = try await client.session()
            for pending in session.submitPipeline(Array(part), retry: .withinRequestTimeout) {
                answers.append(await pending.answer())
            }
        }
        return answers
    }
}

extension QueueView {
    /// Tells whether this directory is one of a lock, and not only some node.
    fileprivate var isWorthShowing: Bool { !isFree || isSemaphore || lastRun != nil }
}
