// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import ZooKeeper

/// Runs a client's process: the program, its input, and the interpretation of its output.
protocol ClientDriver: Sendable {
    var executable: FilePath { get }
    var arguments: [String] { get }

    /// Receives a line that the process has written.
    func receive(_ line: String)

    /// Notes that the output of the process has ended.
    func processEnded()

    /// Takes part in the run until the process has ended or ``stop()`` is called.
    func run() async

    /// Tells the process to finish its operations and to end.
    func stop()

    /// Tells the process to close its client while tasks use it, and to open another one, if it supports that.
    func closeClient()
    /// Tells the process that the servers are to be reached at other addresses now.
    func moveServers(to connect: String)

    /// Tells the process to expire its own session on the server on this port, if it supports that.
    func expireSession(by port: Int)
}

/// Runs a process that uses our recipes: this program as a worker, which invokes operations by itself and writes their
/// events.
struct WorkerDriver: ClientDriver {
    let executable = FilePath(CommandLine.arguments[0])
    let arguments: [String]
    let recorder: Recorder
    let send: @Sendable (String) -> Void

    func receive(_ line: String) { recorder.record(line: line) }

    func processEnded() {}

    func run() async {}

    func stop() { send("stop") }

    func closeClient() { send("close") }

    func moveServers(to connect: String) { send("servers \(connect)") }

    func expireSession(by port: Int) { send("expire \(port)") }
}
