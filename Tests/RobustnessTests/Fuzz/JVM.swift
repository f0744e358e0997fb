// SPDX-License-Identifier: Apache-2.0

import TestSupport
import ZooKeeperTesting

/// The JVM client itself as a reference: its classes are in the server's jar.
enum JVM {
    enum Subject: String {
        case path
        case connectString
    }

    /// Returns the answer to each of `texts`, in the form that `JVMRules.java` documents.
    static func answers(to texts: [String], as subject: Subject) async throws -> [String] {
        let distribution = try await ServerDistribution.installed()
        let lines = texts.map(\.hexadecimal).joined(separator: "\n") + "\n"
        let source = #filePath.replacingName(by: "JVMRules.java")
        return try await withTemporaryFile(containing: lines) { file in
            let result = try await Program(at: distribution.java)
                .output(["-cp", distribution.classPath, source, subject.rawValue, file])
            guard result.succeeded, result.lines.count == texts.count else {
                throw TestKitError(
                    "\(distribution.java) gave \(result.lines.count) answers to \(texts.count) questions")
            }
            return result.lines
        }
    }
}

extension String {
    /// The bytes of its UTF-8.
    var hexadecimal: String {
        utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    fileprivate func replacingName(by name: String) -> String {
        split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") + "/" + name
    }
}
