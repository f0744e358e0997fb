// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeper

@Suite struct BackoffTests {
    @Test func doublesUpToItsMaximum() {
        let backoff = Backoff(initial: .milliseconds(100), maximum: .seconds(1))
        #expect(backoff.delay(beforeAttempt: 0) == .zero)
        for (attempt, full) in [(1, 100), (2, 200), (4, 800), (5, 1_000), (1_000, 1_000)] {
            for _ in 0..<50 {
                let delay = backoff.delay(beforeAttempt: attempt)
                #expect(delay >= .milliseconds(full) / 2)
                #expect(delay <= .milliseconds(full))
            }
        }
    }
}
