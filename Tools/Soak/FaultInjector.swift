// SPDX-License-Identifier: Apache-2.0

import TestSupport
import ZooKeeper
import ZooKeeperTesting

/// Injects one fault after another during a stress run: on a relay, and by ending sessions on the server.
struct FaultInjector: Sendable {
    let server: ZooKeeperServer
    let relay: ZooKeeperRelay
    let clients: [ZooKeeperClient]
    let eventLog: EventLog
    /// The longest pause between two faults.
    let maximumPause: Duration
    let hasExpiries: Bool

    /// Injects faults until it is cancelled; then it removes all faults from the relay.
    ///
    /// - Parameter expiries: Counts the sessions that were ended.
    func run(_ seed: UInt64, _ expiries: Shared<Int>) async {
        var random = SplitMix64(seed: seed)
        while !Task.isCancelled {
            await pause(maximumPause, &random)
            switch random.int(0...9) {
            case 0...2: relay.cut()
            case 3...5: relay.inject(fault(&random))
            case 6:
                random.oneIn(3) ? relay.freezeRequests() : random.oneIn(2) ? relay.freezeReplies() : relay.freeze()
                await pause(random.oneIn(4) ? .seconds(5) : .milliseconds(800), &random)
                relay.thaw()
            case 7:
                let length: Duration = random.oneIn(4) ? .seconds(3) : .milliseconds(500)
                await relay.whileRefusing { await pause(length, &random) }
            case 8 where hasExpiries:
                let client = random.pick(clients)
                guard let session = try? await client.session(until: .now + .seconds(1)) else { continue }
                eventLog.willExpire(session)
                // Fails if the server is slow to let go of it; that is no matter here.
                if (try? await server.expire(session)) != nil { expiries.withLock { $0 += 1 } }
            default: break
            }
        }
        relay.clearFaults()
        relay.thaw()
        // A fault that was meant for a message still to come may have hit the last connection.
        relay.cut()
    }

    private func fault(_ random: inout SplitMix64) -> RelayFault {
        let operations: [OperationCode] = [
            .create2, .delete, .exists, .getData, .setData, .getChildren2, .sync, .multi, .removeWatches, .closeSession,
        ]
        let operation = random.pick(operations)
        let points: [RelayFault.Point] = [
            .request(operation), .reply(to: operation), .anyRequest, .anyReply, .watchEvent, .any,
        ]
        let effects: [RelayFault.Effect] = [.cut, .cut, .cut, .drop, .delay(.milliseconds(random.int(1...300)))]
        return RelayFault(random.pick(effects), at: random.pick(points), number: random.int(1...4))
    }

    /// Waits for a random time, up to `limit`.
    private func pause(_ limit: Duration, _ random: inout SplitMix64) async {
        let milliseconds = random.int(0...Int(limit.wholeMilliseconds))
        try? await Task.sleep(for: .milliseconds(milliseconds))
    }
}
