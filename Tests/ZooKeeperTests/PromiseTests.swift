// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper

@Suite struct PromiseTests {
    @Test func everyWaiterGetsTheFirstValue() async {
        let promise = Promise<Int>()
        let heard = Shared<[Int]>([])
        promise.whenFulfilled { value in heard.withLock { $0.append(value) } }
        async let early = promise.wait()
        #expect(promise.fulfil(1))
        #expect(!promise.fulfil(2))
        promise.whenFulfilled { value in heard.withLock { $0.append(value * 10) } }
        for wait in [await early, await promise.wait()] {
            guard case .value(1) = wait else {
                Issue.record("\(wait)")
                return
            }
        }
        #expect(heard.value == [1, 10])
        #expect(promise.current == 1)
    }

    @Test func aWaitEndsAtItsDeadline() async {
        let promise = Promise<Int>()
        guard case .timedOut = await promise.wait(until: .now + .milliseconds(10)) else {
            Issue.record("not timed out")
            return
        }
        guard case .timedOut = await promise.wait(until: .now - .seconds(1)) else {
            Issue.record("not timed out")
            return
        }
        promise.fulfil(1)
        guard case .value(1) = await promise.wait(until: .now - .seconds(1)) else {
            Issue.record("a value that is there is had at any time")
            return
        }
    }

    @Test func aWaitEndsWithItsTaskUnlessShielded() async {
        let promise = Promise<Int>()
        let task = Task { await promise.wait() }
        let shielded = Task { await promise.wait(isShielded: true) }
        task.cancel()
        shielded.cancel()
        guard case .cancelled = await task.value else {
            Issue.record("not cancelled")
            return
        }
        promise.fulfil(3)
        guard case .value(3) = await shielded.value else {
            Issue.record("not shielded")
            return
        }
    }

    @Test func aCallbackCanBeForgotten() {
        let promise = Promise<Int>()
        let heard = Shared(0)
        let id = promise.whenFulfilled { value in heard.withLock { $0 += value } }
        promise.whenFulfilled { value in heard.withLock { $0 += value * 10 } }
        promise.forget(id)
        promise.fulfil(1)
        #expect(heard.value == 10)
    }
}
