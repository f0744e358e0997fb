// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CZKLock
import ZooKeeper

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The command: `zklock [OPTIONS] PATH COMMAND`, or a subcommand that looks at locks.
@main enum ZKLock {
    static func main() {
        // Before anything opens a descriptor or starts a thread.
        zkl_prepare()
        let arguments = Array(CommandLine.arguments.dropFirst())
        if let first = arguments.first, Window.names.contains(first) { look(arguments) }
        hold(arguments)
    }

    /// Runs one of the commands that look at locks.
    private static func look(_ arguments: [String]) -> Never {
        Task {
            do {
                var command = try WindowCommand.parseAsRoot(arguments)
                if var command = command as? any AsyncParsableCommand {
                    try await command.run()
                } else {
                    try command.run()
                }
                exit(0)
            } catch {
                WindowCommand.exit(withError: error)
            }
        }
        while true { pause() }
    }

    /// Runs a command under a lock.
    private static func hold(_ arguments: [String]) -> Never {
        do {
            let options = try HoldOptions.parse(arguments: arguments)
            let request = try options.request(shell: System.variable("SHELL") ?? "/bin/sh")
            HoldProcess.run(request, try options.clientConfiguration())
        } catch {
            HoldOptions.exit(withError: error)
        }
    }
}
