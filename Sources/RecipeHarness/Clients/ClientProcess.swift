// SPDX-License-Identifier: Apache-2.0

import ProcessSignals
import Subprocess
import Synchronization
import SystemPackage
import ZooKeeper
import ZooKeeperHistory
import ZooKeeperTesting

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A client of the ensemble: a process behind relays of its own, which is started again when it has been killed.
final class ClientProcess: Sendable {
    private struct State {
        var pid: Int32?
        var relays: [ZooKeeperRelay] = []
        /// The relays at other addresses, to which the servers can move.
        var otherRelays: [ZooKeeperRelay] = []
        var driver: (any ClientDriver)?
        var mayRun = Promise<Void>()
        var isStopping = false
        var wasKilled = false
        /// Indicates whether the process has been told to end in an orderly way, to be started again.
        var wasEnded = false
        /// Indicates whether the process has written anything. Until then it may not handle TERM yet.
        var hasWritten = false
    }

    /// Makes the driver of one incarnation of the process, from its connect string, its number, its seed and its input.
    typealias MakeDriver =
        @Sendable (
            _ connect: String, _ incarnation: Int, _ seed: UInt64, AsyncStream<String>.Continuation
        ) -> any ClientDriver

    let name: String
    /// Indicates whether the process uses another library, which may end it in any way.
    let isExternal: Bool
    private let seed: UInt64
    private let recorder: Recorder
    private let makeDriver: MakeDriver
    private let state = Mutex(State())

    init(_ name: String, isExternal: Bool = false, seed: UInt64, _ recorder: Recorder, makeDriver: @escaping MakeDriver)
    {
        self.name = name
        self.isExternal = isExternal
        self.seed = seed
        self.recorder = recorder
        self.makeDriver = makeDriver
        state.withLock { $0.mayRun }.fulfil(())
    }

    /// The relays between the process and each server.
    var relays: [ZooKeeperRelay] { state.withLock { $0.relays } }

    /// The number of requests of each type that all incarnations of the process have sent: what its library needs, without
    /// the requests of the harness itself, to the nodes in which it keeps history and store. Pings and handshakes do not
    /// count.
    var requests: [OperationCode: Int] {
        let relays = state.withLock { $0.relays + $0.otherRelays }
        return relays.reduce(into: [:]) { sum, relay in
            let apart = relay.requestsApart
            for (operation, count) in relay.traffic.requests {
                sum[operation, default: 0] += count - (apart[operation] ?? 0)
            }
        }
    }

    /// Runs the process, again after each end that was planned, until ``stop()``.
    func run(_ ensemble: Ensemble) async throws {
        try await ZooKeeperRelay.withRelays(to: ensemble.servers + ensemble.servers) { relays in
            let count = ensemble.servers.count
            for relay in relays { relay.countApart([RunConstants.history, RunConstants.store]) }
            state.withLock { state in
                state.relays = Array(relays.prefix(count))
                state.otherRelays = Array(relays.dropFirst(count))
            }
            var random = SplitMix64(seed: seed)
            var incarnation = 0
            while true {
                await state.withLock { $0.mayRun }.wait(isShielded: true)
                if state.withLock({ $0.isStopping }) { return }
                incarnation += 1
                let (lines, input) = AsyncStream<String>.makeStream()
                let connect = self.relays.map(\.connectString).joined(separator: ",")
                try await runOnce(makeDriver(connect, incarnation, random.next(), input), lines, input)
            }
        }
    }

    private func runOnce(
        _ driver: any ClientDriver, _ lines: AsyncStream<String>, _ input: AsyncStream<String>.Continuation
    ) async throws {
        // A group of its own: Ctrl-C is meant for this process; and the system ends a stopped process in an orphaned
        // group.
        var options = PlatformOptions()
        options.processGroupID = 0
        let result = try await Subprocess.run(
            .path(driver.executable), arguments: Arguments(driver.arguments), platformOptions: options,
            input: .inputWriter, output: .sequence, error: .currentStandardError
        ) { execution in
            recorder.record(name, .began(detail: "process \(execution.processIdentifier.value)"))
            let isStopping = state.withLock { state in
                state.pid = execution.processIdentifier.value
                state.driver = driver
                state.wasKilled = false
                state.wasEnded = false
                state.hasWritten = false
                return state.isStopping
            }
            if isStopping { driver.stop() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    // Writing to a process that has ended fails; its end is handled below.
                    for await line in lines { _ = try? await execution.standardInputWriter.write(line + "\n") }
                    try? await execution.standardInputWriter.finish()
                }
                group.addTask { await driver.run() }
                for try await line in execution.standardOutput.strings() {
                    state.withLock { $0.hasWritten = true }
                    driver.receive(line)
                }
                driver.processEnded()
                input.finish()
                try await group.waitForAll()
            }
        }
        let (wasKilled, wasEnded, hasWritten) = state.withLock { state in
            state.pid = nil
            state.driver = nil
            return (state.wasKilled, state.wasEnded, state.hasWritten)
        }
        switch result.terminationStatus {
        case .exited(0): recorder.record(name, .ended(detail: ""))
        case .signaled(SIGTERM) where wasEnded && !hasWritten: recorder.record(name, .ended(detail: ""))
        case .signaled(SIGKILL) where wasKilled: recorder.record(name, .ended(detail: "killed"))
        default: recorder.record(name, .crashed(detail: "\(result.terminationStatus)"))
        }
        // A process that ended by itself is not started again.
        if !wasKilled, !wasEnded { state.withLock { $0.isStopping = true } }
    }

    // MARK: Faults

    private func signal(_ number: Int32) {
        state.withLock { state in
            if let pid = state.pid { ProcessSignal.send(number, to: pid) }
        }
    }

    /// Tells the process to end in an orderly way, with TERM; ``allowRestart()`` starts it again.
    func terminate() {
        state.withLock { state in
            state.wasEnded = true
            state.mayRun = Promise()
        }
        signal(SIGTERM)
    }

    /// Tells the process to close its client and to open another one.
    func closeClient() { state.withLock { $0.driver }?.closeClient() }

    /// Kills the process; ``allowRestart()`` starts it again.
    func kill() {
        state.withLock { state in
            state.wasKilled = true
            state.mayRun = Promise()
        }
        signal(SIGKILL)
    }

    /// Starts the process again if it has ended, or as soon as it ends.
    func allowRestart() { state.withLock { $0.mayRun }.fulfil(()) }

    /// Stops the process with SIGSTOP.
    func freeze() {
        state.withLock { state in
            if let pid = state.pid { ProcessSignal.stop(pid) }
        }
    }

    /// Lets a frozen process continue.
    func thaw() { signal(SIGCONT) }

    /// Tells the process to expire its own session on the server on this port.
    func expireSession(by port: Int) { state.withLock { $0.driver }?.expireSession(by: port) }

    /// Moves all servers to other addresses, as this process sees it. The old ones refuse connections, or accept them and
    /// are silent.
    func moveServers(silently: Bool) {
        let (old, new, driver) = state.withLock { state in
            swap(&state.relays, &state.otherRelays)
            return (state.otherRelays, state.relays, state.driver)
        }
        for relay in new {
            relay.thaw()
            relay.refuse(false)
        }
        driver?.moveServers(to: new.map(\.connectString).joined(separator: ","))
        for relay in old {
            relay.clearFaults()
            if silently { relay.freeze() }
            relay.refuse(!silently)
            relay.cut()
        }
    }

    // MARK: The end

    /// Tells the process to finish its operations and to end, for good.
    func stop() {
        let driver = state.withLock { state in
            state.isStopping = true
            return state.driver
        }
        driver?.stop()
        allowRestart()
    }

    /// Kills a process that did not end when it was told to.
    func forceEnd() { signal(SIGKILL) }
}
