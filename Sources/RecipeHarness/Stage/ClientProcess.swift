import Subprocess
import Synchronization
import SystemPackage
import ZooKeeper
import ZooKeeperTesting

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A client of the ensemble: this program as a worker, in a process that is started again when it has been killed, behind
/// relays of its own.
final class ClientProcess: Sendable {
    private struct State {
        var pid: Int32?
        var relays: [ZooKeeperRelay] = []
        var orders: AsyncStream<String>.Continuation?
        var mayRun = Promise<Void>()
        var isStopping = false
        var wasKilled = false
    }

    let name: String
    private let settings: Settings
    private let seed: UInt64
    private let recorder: Recorder
    private let state = Mutex(State())

    init(_ name: String, _ settings: Settings, seed: UInt64, _ recorder: Recorder) {
        self.name = name
        self.settings = settings
        self.seed = seed
        self.recorder = recorder
        state.withLock { $0.mayRun }.fulfil(())
    }

    /// What stands between it and each server.
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
                try await runOnce(
                    relays.map(\.connectString).joined(separator: ","), incarnation, seed: random.next())
            }
        }
    }

    private func runOnce(_ connect: String, _ incarnation: Int, seed: UInt64) async throws {
        // A group of its own: Ctrl-C is for us; and the system ends a stopped process in a group without a parent.
        var options = PlatformOptions()
        options.processGroupID = 0
        let (orders, sendOrder) = AsyncStream<String>.makeStream()
        let result = try await Subprocess.run(
            .path(FilePath(CommandLine.arguments[0])),
            arguments: [
                "worker", "--connect", connect, "--name", name, "--incarnation", "\(incarnation)", "--workload",
                settings.workload.rawValue, "--tasks", "\(settings.tasks)", "--seed", "\(seed)",
            ], platformOptions: options, input: .inputWriter, output: .sequence, error: .currentStandardError
        ) { execution in
            recorder.record(name, .began(detail: "process \(execution.processIdentifier.value)"))
            let isStopping = state.withLock { state in
                state.pid = execution.processIdentifier.value
                state.orders = sendOrder
                state.wasKilled = false
                return state.isStopping
            }
            if isStopping { sendOrder.yield("stop") }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    // Writing to one that is gone fails; what becomes of it is seen elsewhere.
                    for await order in orders { _ = try? await execution.standardInputWriter.write(order + "\n") }
                    try? await execution.standardInputWriter.finish()
                }
                for try await line in execution.standardOutput.strings() { recorder.record(line: line) }
                sendOrder.finish()
                try await group.waitForAll()
            }
        }
        let wasKilled = state.withLock { state in
            state.pid = nil
            state.orders = nil
            return state.wasKilled
        }
        switch result.terminationStatus {
        case .exited(0): recorder.record(name, .ended(detail: ""))
        case .signaled(SIGKILL) where wasKilled: recorder.record(name, .ended(detail: "killed"))
        default: recorder.record(name, .ended(detail: "unexpected: \(result.terminationStatus)"))
        }
        // One that ended by itself is not started again.
        if !wasKilled { state.withLock { $0.isStopping = true } }
    }

    // MARK: Trouble

    private func signal(_ number: Int32) {
        state.withLock { state in
            if let pid = state.pid { _ = kill(pid, number) }
        }
    }

    /// Kills it; ``revive()`` starts it again.
    func killIt() {
        state.withLock { state in
            state.wasKilled = true
            state.mayRun = Promise()
        }
        signal(SIGKILL)
    }

    func revive() { state.withLock { $0.mayRun }.fulfil(()) }

    func freeze() { signal(SIGSTOP) }

    func thaw() { signal(SIGCONT) }

    /// Lets it expire its own session, by the server on this port.
    func expireSession(by port: Int) { state.withLock { $0.orders }?.yield("expire \(port)") }

    // MARK: The end

    /// Tells it to end what it does, and to end.
    func stop() {
        let orders = state.withLock { state in
            state.isStopping = true
            return state.orders
        }
        orders?.yield("stop")
        revive()
    }

    /// Ends it, because it did not.
    func endIt() { signal(SIGKILL) }
}
