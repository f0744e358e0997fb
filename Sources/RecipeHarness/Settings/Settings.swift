// SPDX-License-Identifier: Apache-2.0

/// The settings of a run.
struct Settings: Sendable {
    var workload: Workload
    var nemesis: Nemesis
    var duration: Duration
    var clients: Int
    var tasks: Int
    /// Another library that takes part in the same queue, and the number of its processes.
    var library: ExternalLibrary?
    var externalClients: Int
    /// The highest number of operations that all processes together begin in a second; `nil`: no limit.
    var rate: Double?
    var seed: UInt64
    var output: String

    /// The rate of each contender.
    var contenderRate: Rate { Rate(interval: rate.map { .seconds(Double((clients + externalClients) * tasks) / $0) }) }

    /// The options that repeat the run, but for its output.
    var arguments: [String] {
        var arguments = [
            "--workload", workload.rawValue, "--nemesis", "\(nemesis)", "--duration", "\(duration.components.seconds)",
            "--clients", "\(clients)", "--tasks", "\(tasks)",
        ]
        if let library { arguments += ["--with", library.rawValue, "--guests", "\(externalClients)"] }
        if let rate { arguments += ["--rate", "\(rate)"] }
        return arguments + ["--seed", "\(seed)"]
    }

    /// The run in one line.
    var description: String {
        "workload \(workload.rawValue), nemesis \(nemesis), seed \(seed), \(clients) processes"
            + (library.map { ", \(externalClients) of \($0.rawValue)" } ?? "") + ", \(tasks) tasks each"
            + (rate.map { ", at most \($0) operations a second" } ?? "")
    }
}
