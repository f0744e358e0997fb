// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Logging
import SystemPackage
import ZooKeeper
import ZooKeeperRecipes

/// The commands that look at a lock of any library, and reach into it.
enum Window {
    static let commands: [any ParsableCommand.Type] = [List.self, Watch.self, Revoke.self, Break.self]

    static let names = commands.map { $0.configuration.commandName ?? "" }

    /// The statuses of these commands, for their help.
    static let unavailable = "69  ZooKeeper could not be used"
    static let usage = "64  the options are not valid"

    /// The time, in milliseconds since 1970.
    static var now: Int64 { UTCTime(.now).millisecondsSince1970 }

    /// Runs `body` with a client, and ends the command with the status that it returns.
    ///
    /// - Throws: `ExitCode`, after saying why; `ValidationError` for options that are not valid.
    static func run(
        _ connection: ConnectionOptions, _ body: (ZooKeeperClient) async throws -> Int32
    ) async throws {
        let configuration = try connection.configuration()
        let silent = Logger(label: "zklock") { _ in SwiftLogNoOpLogHandler() }
        let status: Int32
        do {
            status = try await ZooKeeperClient.withClient(configuration, logger: silent) { try await body($0) }
        } catch {
            throw exit(after: error, configuration)
        }
        if status != 0 { throw ExitCode(status) }
    }

    /// Says what has gone wrong.
    private static func exit(after error: any Error, _ configuration: ZooKeeperConfiguration) -> any Error {
        if error is ExitCode || error is ValidationError || error is CleanExit { return error }
        if let error = error as? Errno {
            // The reader of the output has gone, and needs no more.
            if error == .brokenPipe { return ExitCode.success }
            printError("the output cannot be written: \(error)")
            return ExitCode.failure
        }
        let servers = configuration.servers.map { "\($0)" }.joined(separator: ",")
        printError(text(error as? ZooKeeperError, or: error, servers))
        return ExitCode(Status.unavailable)
    }

    /// The operations that need a right, as verbs.
    private static let actions = ["children": "list the children of", "get": "read", "set": "write to"]

    private static func text(_ error: ZooKeeperError?, or other: any Error, _ servers: String) -> String {
        guard let error else { return "\(other)" }
        let what = [error.operation, error.path].compactMap(\.self).joined(separator: " ")
        switch error.code {
        case .noAuth:
            let action = Self.actions[error.operation ?? ""] ?? error.operation
            return "this client may not \(action ?? "use") \(error.path ?? "it"); give it credentials with --auth-file"
        default:
            let reason = error.message ?? error.code.description
            // Reads are of no consequence.
            let isInDoubt = error.execution == .unknown && ["delete", "set"].contains(error.operation)
            return "ZooKeeper (\(servers)) cannot be used\(what.isEmpty ? "" : " for \(what)"): \(reason)"
                + (isInDoubt ? "; it may have been done: look with zklock ls" : "")
        }
    }

    /// Writes lines to standard output.
    ///
    /// - Throws: `Errno`, `brokenPipe` if the reader has gone.
    static func print(_ lines: [String]) throws {
        if lines.isEmpty { return }
        try FileDescriptor.standardOutput.writeAll((lines.joined(separator: "\n") + "\n").utf8)
    }

    /// The name of the child that an argument means: a name, or the path of a child of `path`.
    ///
    /// - Throws: `ValidationError`.
    static func child(_ text: String, of path: ZNodePath) throws -> String {
        guard text.utf8.first == UInt8(ascii: "/") else {
            guard !text.isEmpty, !text.utf8.contains(UInt8(ascii: "/")) else {
                throw ValidationError("\(text) is neither the name nor the full path of a child of \(path)")
            }
            return text
        }
        let node = try ConnectionOptions.path(text)
        guard node.parent == path else { throw ValidationError("\(node) is no child of \(path)") }
        return node.name
    }
}

/// The command line of the commands that look at locks.
struct WindowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "zklock", abstract: "Shows who holds a lock, and reaches into it.", subcommands: Window.commands)
}
