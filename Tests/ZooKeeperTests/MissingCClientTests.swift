// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// A build on a machine that lacks the C client says what to install.
@Suite(.timeLimit(.minutes(1))) struct MissingCClientTests {
    /// Compiles the shim with nothing but a scratch directory on the include path, which may hold a header of that
    /// name.
    private func compile(withHeader hasHeader: Bool) async throws -> String {
        let script = """
            scratch=$(mktemp -d) && trap 'rm -r "$scratch"' EXIT
            mkdir "$scratch/sys" && touch "$scratch/sys/timerfd.h"
            if [ "$1" = true ]; then mkdir "$scratch/zookeeper" && touch "$scratch/zookeeper/zookeeper.h"; fi
            clang -fsyntax-only -ferror-limit=1 -x c -nostdinc -isystem "$scratch" Sources/CZooKeeper/shim.h 2>&1 || :
            """
        return try await Program(found: "sh").output(["-c", script, "sh", "\(hasHeader)"]).lines.joined(separator: "\n")
    }

    @Test func itSaysWhatToInstall() async throws {
        let output = try await compile(withHeader: false)
        #expect(output.contains("error: \"The ZooKeeper C client is not installed."))
        #expect(output.contains("apt-get install libzookeeper-mt-dev"))
        #expect(output.contains("brew install zookeeper"))
    }

    @Test func withTheHeaderItSaysNothing() async throws {
        let output = try await compile(withHeader: true)
        // The header is empty, so the shim does not compile; but not for that reason.
        #expect(output.contains("error:"))
        #expect(!output.contains("not installed"))
    }
}
