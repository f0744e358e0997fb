// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperHistory
import ZooKeeperTesting

/// Injects faults and ends them, one after the other, as decided by a seed.
struct NemesisProcess: Sendable {
    let ensemble: Ensemble
    let clients: [ClientProcess]
    let recorder: Recorder
    /// Fulfilled when the run is over.
    let over: Promise<Void>

    /// The faults of clients.
    static let clientFaults: Set<HistoryEvent.Fault> = [
        .killClient, .freezeClient, .partitionClient, .stopClient, .closeClient, .moveServers, .expire,
    ]
    /// The faults that only our own processes support.
    private static let workerFaults: Set<HistoryEvent.Fault> = [.stopClient, .closeClient, .moveServers, .expire]

    /// Injects these faults until the run is over.
    func run(_ faults: [HistoryEvent.Fault], seed: UInt64) async throws {
        guard !faults.isEmpty else { return }
        var random = SplitMix64(seed: seed)
        // Every kind comes before any comes again.
        var remaining: [HistoryEvent.Fault] = []
        while await pause(.milliseconds(random.int(1_000...4_000))) {
            if remaining.isEmpty { remaining = faults.shuffled(using: &random) }
            let fault = remaining.removeLast()
            // Half of them outlast a session.
            let length = Duration.milliseconds(random.oneIn(2) ? random.int(200...1_800) : random.int(4_500...8_000))
            if Self.clientFaults.contains(fault) {
                await breakClient(fault, length, &random)
            } else {
                try await breakServer(fault, length, &random)
            }
        }
    }

    /// Waits.
    ///
    /// - Returns: `false` when the run is over.
    private func pause(_ length: Duration) async -> Bool {
        if case .timedOut = await over.wait(until: .now + length) { return true }
        return false
    }

    private func breakClient(
        _ fault: HistoryEvent.Fault, _ length: Duration, _ random: inout SplitMix64
    ) async {
        let clients = Self.workerFaults.contains(fault) ? clients.filter { !$0.isExternal } : clients
        let chosen = random.pick(clients)
        let holder = recorder.holder
        // Half of the time the holder, on which a fault has the most effect.
        let client = random.oneIn(2) ? clients.first { $0.name == holder } ?? chosen : chosen
        let number = recorder.faultBegins(fault, client.name)
        switch fault {
        case .killClient:
            client.kill()
            _ = await pause(min(length, .seconds(3)))
            client.allowRestart()
        case .freezeClient:
            client.freeze()
            _ = await pause(length)
            client.thaw()
        case .partitionClient:
            for relay in client.relays { relay.freeze() }
            _ = await pause(length)
            for relay in client.relays { relay.thaw() }
        case .stopClient:
            client.terminate()
            _ = await pause(min(length, .seconds(3)))
            client.allowRestart()
        case .moveServers:
            client.moveServers(silently: random.oneIn(2))
            _ = await pause(min(length, .seconds(3)))
        case .closeClient:
            client.closeClient()
            _ = await pause(min(length, .seconds(2)))
        default:
            client.expireSession(by: ensemble.servers[random.int(0...ensemble.servers.count - 1)].port)
            _ = await pause(.seconds(1))
        }
        recorder.record(client.name, .faultEnded(number: number))
    }

    private func breakServer(
        _ fault: HistoryEvent.Fault, _ length: Duration, _ random: inout SplitMix64
    ) async throws {
        let chosen = random.int(0...ensemble.servers.count - 1)
        let isLeader = random.oneIn(2)
        let index = isLeader ? await ensemble.leader() ?? chosen : chosen
        let server = ensemble.servers[index]
        let number = recorder.faultBegins(fault, "s\(index)")
        switch fault {
        case .killServer:
            await server.kill()
            _ = await pause(min(length, .seconds(4)))
            try await server.restart()
        case .freezeServer:
            server.freeze()
            _ = await pause(length)
            server.thaw()
        case .partitionServer:
            // From one or from all of the others.
            let others = ensemble.servers.indices.filter { $0 != index }
            if random.oneIn(3) { ensemble.sever(index, random.pick(others)) } else { ensemble.isolate(index) }
            _ = await pause(length)
            ensemble.heal()
        case .throttleServer:
            await flood(server, for: min(length, .seconds(2)))
        default:
            // As with a slow disk: all replies of this server are late.
            let delay = RelayFault(.delay(.milliseconds(random.int(20...300))), at: .anyReply, number: nil)
            for client in clients where !client.relays.isEmpty { client.relays[index].inject(delay) }
            _ = await pause(length)
            for client in clients where !client.relays.isEmpty { client.relays[index].clearFaults() }
        }
        recorder.record("s\(index)", .faultEnded(number: number))
    }

    /// Writes to a server without a pause, from so many tasks that requests of other clients wait for too long: the
    /// server refuses those, by its settings.
    private func flood(_ server: ZooKeeperServer, for length: Duration) async {
        let isOver = Promise<Void>()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // The results of the flood itself do not matter.
                guard let configuration = try? server.configuration else { return }
                try? await ZooKeeperClient.withClient(configuration) { client in
                    await withTaskGroup(of: Void.self) { requests in
                        for _ in 0..<200 {
                            requests.addTask {
                                while isOver.current == nil { _ = try? await client.set(RunConstants.flood, to: []) }
                            }
                        }
                    }
                }
            }
            _ = await pause(length)
            isOver.fulfil(())
        }
    }
}
