// SPDX-License-Identifier: Apache-2.0

import SystemPackage

/// Writes a line to standard output at once, also into a pipe, where `print` would buffer it. One write, so that lines
/// of several tasks do not mix.
func printLine(_ line: String) { _ = try? FileDescriptor.standardOutput.writeAll("\(line)\n".utf8) }

/// Writes a line to standard error.
func printError(_ line: String) { _ = try? FileDescriptor.standardError.writeAll("\(line)\n".utf8) }
