// SPDX-License-Identifier: Apache-2.0

import ProcessSignals
import Subprocess
import Synchronization
import SystemPackage
import ZooKeeper

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A child program and its temporary directory, which do not outlive this process, however it ends.
///
/// A shell script runs in between: it makes the directory, starts the program on command, and reports its start and
/// end. When its standard input is closed, which the kernel does even after SIGKILL, it kills the program and removes
/// the directory.
package final class GuardedProcess: Sendable {
    package static let script = #"""
        umask 077
        # Only the end of the input ends this shell. The system sends HUP to an orphaned group with a stopped program, and
        # PIPE when nobody reads any more what the shell reports.
        trap '' HUP INT PIPE TERM
        directory=$(mktemp -d "${TMPDIR:-/tmp}/zookeeper-test.XXXXXXXX") || exit 1
        pid="$directory/pid"
        end() { read -r child <"$pid" && [ "$child" -gt 1 ] && kill -KILL "$child"; }
        trap 'end 2>/dev/null; wait; rm -rf "$directory"' EXIT
        mkdir "$directory/data"
        echo "directory $directory"
        while read -r command; do
            case "$command" in
            save) rm -rf "$directory/saved"; cp -a "$directory/data" "$directory/saved"; continue ;;
            restore) rm -rf "$directory/data"; cp -a "$directory/saved" "$directory/data"; continue ;;
            esac
            (
                trap - EXIT
                (trap - HUP INT PIPE TERM; exec "$@" "$directory/zoo.cfg") </dev/null >>"$directory/server.log" 2>&1 &
                echo $! >"$pid"
                echo "started $!"
                wait $!
                code=$?
                : >"$pid"
                echo "exited $code"
            ) &
        done
        """#

    private struct State {
        var pid: pid_t?
        var started = Promise<pid_t?>()
        var exited = Promise<Int32>()
    }

    private let state = Mutex(State())
    private let directoryPromise = Promise<String?>()
    private let commands: AsyncStream<String>
    private let sendCommand: AsyncStream<String>.Continuation
    private let finished = Promise<Void>()

    /// Starts the shell; ``start()`` starts the program.
    ///
    /// - Parameter command: The program and its arguments. The path of `zoo.cfg` in the directory is appended.
    init(_ command: [String]) {
        (commands, sendCommand) = AsyncStream.makeStream()
        Task { [self] in
            // Independent of the calling task: it ends with `end()`, or with this process. In a group of its own:
            // Ctrl-C in a terminal is meant for this process, which may still need the program.
            var options = PlatformOptions()
            options.processGroupID = 0
            _ = try? await Subprocess.run(
                .path("/bin/sh"),
                arguments: Arguments(["-c", Self.script, "sh"] + command),
                platformOptions: options,
                input: .inputWriter,
                output: .sequence,
                // Only the shell's own messages about killed processes; the program's errors go to its log.
                error: .discarded
            ) { execution in
                await withTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for await command in self.commands {
                            _ = try? await execution.standardInputWriter.write(command + "\n")
                        }
                        try? await execution.standardInputWriter.finish()
                    }
                    group.addTask {
                        do {
                            for try await line in execution.standardOutput.strings() { self.receive(line) }
                        } catch {}
                        self.sendCommand.finish()
                    }
                }
            }
            directoryPromise.fulfil(nil)
            let (started, exited) = state.withLock { ($0.started, $0.exited) }
            started.fulfil(nil)
            exited.fulfil(-1)
            finished.fulfil(())
        }
    }

    deinit { sendCommand.finish() }

    /// The path of the directory, which exists until ``end()``.
    ///
    /// - Throws: ``TestKitError`` if the shell did not start.
    func directory() async throws -> String {
        guard case .value(let directory?) = await directoryPromise.wait() else {
            throw TestKitError(
                "the shell that runs a server did not start; /bin/sh, mktemp and a writable TMPDIR are needed")
        }
        return directory
    }

    /// The process id, while the program runs.
    var pid: pid_t? { state.withLock { $0.pid } }

    /// Starts the program, and waits until its process exists.
    ///
    /// - Throws: ``TestKitError`` if the shell has ended.
    func start() async throws {
        let started = state.withLock { state in
            state.started = Promise()
            state.exited = Promise()
            return state.started
        }
        sendCommand.yield("start")
        guard case .value(_?) = await started.wait() else {
            throw TestKitError("the shell that runs a server has ended")
        }
    }

    /// Copies the data aside, before the next start.
    func saveData() { sendCommand.yield("save") }

    /// Puts the copy in place of the data, before the next start.
    func restoreData() { sendCommand.yield("restore") }

    /// Sends a signal to the program; does nothing if it does not run.
    func signal(_ number: Int32) {
        if let pid { ProcessSignal.send(number, to: pid) }
    }

    /// Stops the program with SIGSTOP, and returns when all its threads have stopped.
    func stop() {
        if let pid { ProcessSignal.stop(pid) }
    }

    /// Waits until the program has ended.
    ///
    /// - Returns: Its exit code.
    func waitUntilExited() async -> Int32? {
        let exited = state.withLock { $0.exited }
        guard case .value(let code) = await exited.wait(isShielded: true) else { return nil }
        return code
    }

    /// The exit code, if the program has been started and has ended.
    var exitCode: Int32? { state.withLock { $0.exited.current } }

    /// Kills the program and removes the directory.
    func end() async {
        sendCommand.finish()
        await finished.wait(isShielded: true)
    }

    private func receive(_ line: String) {
        let words = line.split(separator: " ", maxSplits: 1)
        guard words.count == 2 else { return }
        switch words[0] {
        case "directory": directoryPromise.fulfil(String(words[1]))
        case "started":
            guard let pid = pid_t(words[1]) else { return }
            let started = state.withLock { state in
                state.pid = pid
                return state.started
            }
            started.fulfil(pid)
        case "exited":
            let exited = state.withLock { state in
                state.pid = nil
                return state.exited
            }
            exited.fulfil(Int32(words[1]) ?? -1)
        default: break
        }
    }
}
