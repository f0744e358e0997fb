// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper

@Suite struct NoticesTests {
    /// An owner that several closures can hold.
    private final class Owner: Sendable {
        let notices = Notices<Int>()
    }

    @Test func areDeliveredInOrderAndNotNested() {
        let owner = Owner()
        let heard = Shared<[Int]>([])
        let depth = Shared(0)
        for number in [1, 2] { owner.notices.post(number) }
        owner.notices.deliver { notice in
            depth.withLock {
                $0 += 1
                #expect($0 == 1)
            }
            heard.withLock { $0.append(notice) }
            if notice < 3 {
                owner.notices.post(notice + 10)
                owner.notices.deliver { _ in Issue.record("delivered from within") }
            }
            depth.withLock { $0 -= 1 }
        }
        #expect(heard.value == [1, 2, 11, 12])
    }

    @Test func theFirstIsDeliveredBehindWhatIsQueued() {
        let owner = Owner()
        var heard: [Int] = []
        owner.notices.post(1)
        owner.notices.deliver(2) { heard.append($0) }
        owner.notices.deliver(3) { heard.append($0) }
        #expect(heard == [1, 2, 3])
    }

    @Test func noneIsLostBetweenThreads() async {
        let owner = Owner()
        let heard = Shared<[Int: [Int]]>([:])
        await withTaskGroup(of: Void.self) { group in
            for sender in 0..<8 {
                group.addTask {
                    for index in 0..<500 {
                        owner.notices.deliver(sender * 1_000 + index) { notice in
                            heard.withLock { $0[notice / 1_000, default: []].append(notice % 1_000) }
                        }
                    }
                }
            }
        }
        for sender in 0..<8 { #expect(heard.withLock { $0[sender] } == Array(0..<500)) }
    }
}
