// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import ZooKeeper

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The standard input of the process, line by line.
enum Input {
    /// The lines, read on a thread of its own, so that none of the pool's waits for it.
    static let lines: AsyncStream<String> = {
        let (lines, sink) = AsyncStream<String>.makeStream()
        let isStarted = DetachedThread.start {
            while let line = readLine() { sink.yield(line) }
            sink.finish()
        }
        guard isStarted else { fatalError("no thread") }
        return lines
    }()
}

/// The standard output of the process.
enum Output {
    /// Writes a line, but not by `print` and `fflush(nil)`, which waits for the thread that reads. A pipe takes a
    /// short line as a whole.
    static func say(_ line: String) {
        _ = try? FileDescriptor.standardOutput.writeAll("\(line)\n".utf8)
    }

    /// Ends the process at once.
    static func leave() -> Never { exit(0) }
}
