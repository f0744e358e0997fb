import SystemPackage
import ZooKeeper

/// What a client's process runs, and what is said to it.
protocol Player: Sendable {
    var executable: FilePath { get }
    var arguments: [String] { get }

    /// The process has said something.
    func hear(_ line: String)

    /// The process says no more.
    func hasGone()

    /// Takes part, until the process is gone or has been told to stop.
    func play() async

    /// Tells the process to end what it does, and to end.
    func stop()

    /// Tells the process to end its client, whoever uses it, and to open another, if it can.
    func closeClient()

    /// Lets it expire its own session, by the server on this port, if it can.
    func expireSession(by port: Int)
}

/// Our recipes: this program as a worker, which takes its turns by itself, and writes down what it does.
struct WorkerPlayer: Player {
    let executable = FilePath(CommandLine.arguments[0])
    let arguments: [String]
    let recorder: Recorder
    let tell: @Sendable (String) -> Void

    func hear(_ line: String) { recorder.record(line: line) }

    func hasGone() {}

    func play() async {}

    func stop() { tell("stop") }

    func closeClient() { tell("close") }

    func expireSession(by port: Int) { tell("expire \(port)") }
}
