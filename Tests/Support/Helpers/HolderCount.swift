// SPDX-License-Identifier: Apache-2.0

public import ZooKeeper
import ZooKeeperRecipes

/// Counts the holders of a lock: at present, at most, and in total.
public final class HolderCount: Sendable {
    private let counts = Shared((now: 0, most: 0, total: 0))

    public init() {}

    public var value: (now: Int, most: Int, total: Int) { counts.value }

    /// Lets eight tasks acquire a lock twenty times each, spread over the clients.
    ///
    /// - Parameter released: Called after each release.
    public func contend(
        for path: ZNodePath, by clients: [ZooKeeperClient],
        released: @escaping @Sendable (_ task: Int, _ round: Int) -> Void = { _, _ in }
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                let lock = ZooKeeperLock(clients[task % clients.count], at: path)
                group.addTask { [self] in
                    for round in 0..<20 {
                        try await lock.withLock { _ in
                            enter()
                            await Task.yield()
                            counts.withLock { $0.now -= 1 }
                        }
                        released(task, round)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private func enter() {
        counts.withLock { counts in
            counts.now += 1
            counts.most = max(counts.most, counts.now)
            counts.total += 1
        }
    }
}
