// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperHistory
import ZooKeeperTesting

/// Records which server leads, and when none does.
struct ServerWatch: Sendable {
    let ensemble: Ensemble
    let recorder: Recorder

    func run(_ over: Promise<Void>) async {
        var last: Int?
        repeat {
            let leader = await ensemble.leader()
            if leader != last {
                if let leader { recorder.record("s\(leader)", .leads) } else { recorder.record("run", .noLeader) }
            }
            last = leader
        } while await over.isOpen(for: .milliseconds(200))
    }
}
