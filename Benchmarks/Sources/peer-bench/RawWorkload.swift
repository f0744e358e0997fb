// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

enum RawRequest: Sendable {
    case get
    case exists
    case set
    case write
}

/// Measures one session with `concurrency` requests under way, each on a node of its own: as many tasks, each of which
/// waits for its answer before its next request, as in a service that handles as many requests of its own.
func runRaw(_ request: RawRequest, _ options: Options) async throws -> Report {
    try await withClients(1, options) { clients in
        try await clients[0].withSession { session in
            var nodes: [ZNodePath] = []
            for index in 0..<options.concurrency {
                let node = try options.root.appending("n\(index)")
                if request != .write { try await make(node, clients[0]) }
                nodes.append(node)
            }
            let measurement = Measurement(options)
            let tally = try await measurement.run(nodes.count) { [nodes] index in
                try await loop(request, nodes[index], session, measurement)
            }
            return measurement.report(tally)
        }
    }
}

private func loop(
    _ request: RawRequest, _ node: ZNodePath, _ session: ZooKeeperSession, _ measurement: Measurement
) async throws -> Tally {
    let value = [UInt8](repeating: 0, count: 100)
    var tally = Tally()
    var isThere = false
    while measurement.mayStartCycle() {
        let start = monotonicNanoseconds()
        switch request {
        case .get: _ = try await session.get(node)
        case .exists:
            guard try await session.exists(node) != nil else { throw Unexpected("\(node) is gone") }
        case .set: try await session.set(node, to: value)
        case .write:
            if isThere { try await session.delete(node) } else { try await session.create(node) }
            isThere.toggle()
        }
        tally.cycleEnded(in: measurement, since: start)
    }
    return tally
}
