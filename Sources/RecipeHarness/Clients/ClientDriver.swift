import SystemPackage
import ZooKeeper

/// The program that a client's process runs, and the ways to control it.
protocol ClientDriver: Sendable {
    var executable: FilePath { get }
    var arguments: [String] { get }

    /// The process has said something.
    func receive(_ line: String)

    /// The process says no more.
    func processEnded()

    /// Takes part, until the process is gone or has been told to stop.
    func run() async

    /// Tells the process to end what it does, and to end.
    func stop()

    /// Tells the process to end its client, while tasks use it, and to open another, if it can.
    func closeClient()

    /// Lets it expire its own session, by the server on this port, if it can.
    func expireSession(by port: Int)
}

/// Our recipes: this program as a worker, which takes its turns by itself, and writes down what it does.
struct WorkerDriver: ClientDriver {
    let executable = FilePath(CommandLine.arguments[0])
    let arguments: [String]
    let recorder: Recorder
    let tell: @Sendable (String) -> Void

    func receive(_ line: String) { recorder.record(line: line) }

    func processEnded() {}

    func run() async {}

    func stop() { tell("stop") }

    func closeClient() { tell("close") }

    func expireSession(by port: Int) { tell("expire \(port)") }
}
