// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeper

@Suite struct StatesTests {
    @Test func aSlowConsumerGetsTheNewest() async {
        let feed = LatestValue(SessionState.connecting)
        let states = SessionStates(feed)
        var iterator = states.makeAsyncIterator()
        #expect(await iterator.next() == .connecting)
        feed.send(.connected(SessionID(rawValue: 1)), isLast: false)
        feed.send(.overdue(SessionID(rawValue: 1)), isLast: false)
        #expect(await iterator.next() == .overdue(SessionID(rawValue: 1)))
        feed.send(.closed, isLast: true)
        feed.send(.connecting, isLast: false)
        #expect(await iterator.next() == .closed)
        #expect(await iterator.next() == nil)
        var late = states.makeAsyncIterator()
        #expect(await late.next() == .closed)
        #expect(await late.next() == nil)
    }

    @Test func endsWhenItsTaskIsCancelled() async {
        let feed = LatestValue(SessionState.connecting)
        let task = Task {
            var count = 0
            for await _ in SessionStates(feed) { count += 1 }
            return count
        }
        task.cancel()
        #expect(await task.value <= 1)
    }
}
