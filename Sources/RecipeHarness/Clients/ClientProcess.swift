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

/// A client of the ensemble: a process that is started again when it has been killed, behind relays of its own.
final class ClientProcess: Sendable {
    private struct State {
        var pid: Int32?
        var relays: [ZooKeeperRelay] = []
        var driver: (any ClientDriver)?
        var mayRun = Promise<Void>()
        var isStopping = false
        var wasKilled = false
        /// Tells whether it has been told to end in good order, to be started again.
        var wasEnded = false
        /// Tells whether it has said anything. Until then it may not know yet how to end in good order.
        var hasSpoken = false
    }

    /// Makes what one incarnation of the process runs: where it connects to, its number, its seed, and its input.
    typealias MakeDriver =
        @Sendable (
            _ connect: String, _ incarnation: Int, _ seed: UInt64, AsyncStream<String>.Continuation
        ) -> any ClientDriver

    let name: String
    /// Tells whether it is of another library, and ends as that likes.
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

    /// The relays between it and each server.
    var relays: [ZooKeeperRelay] { state.withLock { $0.relays } }

    /// Runs until it is told to stop.
    func run(_ ensemble: Ensemble) async throws {
        try await ZooKeeperRelay.withRelays(to: ensemble.servers) { relays in
            state.withLock { $0.relays = relays }
            var random = SplitMix64(seed: seed)
            var incarnation = 0
            while true {
                await state.withLock { $0.mayRun }.wait(isShielded: true)
                if state.withLock({ $0.isStopping }) { return }
                incarnation += 1
                let (orders, input) = AsyncStream<String>.makeStream()
                let connect = relays.map(\.connectString).joined(separator: ",")
                try await runOnce(makeDriver(connect, incarnation, random.next(), input), orders, input)
            }
        }
    }

    private func runOnce(
        _ driver: any ClientDriver, _ orders: AsyncStream<String>, _ input: AsyncStream<String>.Continuation
    ) async throws {
        // A group of its own: Ctrl-C is for us; and the system ends a stopped process in a group without a parent.
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
                state.hasSpoken = false
                return state.isStopping
            }
            if isStopping { driver.stop() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    // Writing to one that is gone fails; what becomes of it is seen elsewhere.
                    for await order in orders { _ = try? await execution.standardInputWriter.write(order + "\n") }
                    try? await execution.standardInputWriter.finish()
                }
                group.addTask { await driver.run() }
                for try await line in execution.standardOutput.strings() {
                    state.withLock { $0.hasSpoken = true }
                    driver.receive(line)
                }
                driver.processEnded()
                input.finish()
                try await group.waitForAll()
            }
        }
        let (wasKilled, wasEnded, hasSpoken) = state.withLock { state in
            state.pid = nil
            state.driver = nil
            return (state.wasKilled, state.wasEnded, state.hasSpoken)
        }
        switch result.terminationStatus {
        case .exited(0): recorder.record(name, .ended(detail: ""))
        case .signaled(SIGTERM) where wasEnded && !hasSpoken: recorder.record(name, .ended(detail: ""))
        case .signaled(SIGKILL) where wasKilled: recorder.record(name, .ended(detail: "killed"))
        default: recorder.record(name, .ended(detail: "unexpected: \(result.terminationStatus)"))
        }
        // One that ended by itself is not started again.
        if !wasKilled, !wasEnded { state.withLock { $0.isStopping = true } }
    }

    // MARK: Trouble

    private func signal(_ number: Int32) {
        state.withLock { state in
            if let pid = state.pid { ProcessSignal.send(number, to: pid) }
        }
    }

    /// Tells it to end in good order, by TERM; ``revive()`` starts it again.
    func terminate() {
        state.withLock { state in
            state.wasEnded = true
            state.mayRun = Promise()
        }
        signal(SIGTERM)
    }

    /// Lets it end its client and open another.
    func closeClient() { state.withLock { $0.driver }?.closeClient() }

    /// Kills it; ``revive()`` starts it again.
    func kill() {
        state.withLock { state in
            state.wasKilled = true
            state.mayRun = Promise()
        }
        signal(SIGKILL)
    }

    func revive() { state.withLock { $0.mayRun }.fulfil(()) }

    func freeze() {
        state.withLock { state in
            if let pid = state.pid { ProcessSignal.stop(pid) }
        }
    }

    func thaw() { signal(SIGCONT) }

    /// Lets it expire its own session, by the server on this port.
    func expireSession(by port: Int) { state.withLock { $0.driver }?.expireSession(by: port) }

    // MARK: The end

    /// Tells it to end what it does, and to end.
    func stop() {
        let driver = state.withLock { state in
            state.isStopping = true
            return state.driver
        }
        driver?.stop()
        revive()
    }

    /// Ends it, because it did not.
    func forceEnd() { signal(SIGKILL) }
}
