import TestSupport
import Testing
import ZooKeeper

@Suite struct NoticesTests {
    @Test func areDeliveredInOrderAndNotNested() {
        let notices = Notices<Int>()
        let heard = Shared<[Int]>([])
        let depth = Shared(0)
        for number in [1, 2] { notices.post(number) }
        notices.deliver { notice in
            depth.withLock {
                $0 += 1
                #expect($0 == 1)
            }
            heard.withLock { $0.append(notice) }
            if notice < 3 {
                notices.post(notice + 10)
                notices.deliver { _ in Issue.record("delivered from within") }
            }
            depth.withLock { $0 -= 1 }
        }
        #expect(heard.value == [1, 2, 11, 12])
    }

    @Test func noneIsLostBetweenThreads() async {
        let notices = Notices<Int>()
        let heard = Shared<[Int: [Int]]>([:])
        await withTaskGroup(of: Void.self) { group in
            for sender in 0..<8 {
                group.addTask {
                    for index in 0..<500 {
                        notices.post(sender * 1_000 + index)
                        notices.deliver { notice in
                            heard.withLock { $0[notice / 1_000, default: []].append(notice % 1_000) }
                        }
                    }
                }
            }
        }
        for sender in 0..<8 { #expect(heard.withLock { $0[sender] } == Array(0..<500)) }
    }
}
