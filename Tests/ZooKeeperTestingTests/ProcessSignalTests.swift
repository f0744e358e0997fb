// SPDX-License-Identifier: Apache-2.0

import ProcessSignals
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// No signal goes to a number that is not a live child of this process.
@Suite(.timeLimit(.minutes(1))) struct ProcessSignalTests {
    @Test(arguments: [-1, 0, 1] as [Int32]) func numbersThatReachOthersAreRefused(_ pid: Int32) {
        // Signal 0 only asks: if it got through, nothing would happen.
        #expect(!ProcessSignal.send(0, to: pid))
        #expect(!ProcessSignal.send(0, toGroupWithChild: pid))
        #expect(!ProcessSignal.isLiveDescendant(pid))
        #expect(!ProcessSignal.hasChild(inGroup: pid))
        #expect(pid == getppid() || !ProcessSignal.continueParent(pid))
    }

    @Test func onlyTheParentIsContinued() async throws {
        #expect(!ProcessSignal.continueParent(getpid()))
        _ = try await Program(found: "sleep").status(["60"]) { running in
            #expect(!ProcessSignal.continueParent(running.pid), "a child")
            #expect(ProcessSignal.send(SIGKILL, to: running.pid))
        }
    }

    @Test func processesOfOthersAreRefused() {
        let parent = getppid()
        #expect(!ProcessSignal.send(0, to: parent))
        #expect(!ProcessSignal.send(0, toGroupWithChild: getpgid(parent)))
        #expect(!ProcessSignal.send(0, toGroupWithChild: getpgrp()), "the group of this process itself")
    }

    @Test func aLiveChildIsSignalledAndADeadOneIsNot() async throws {
        let child = Shared<Int32>(0)
        let (_, status) = try await Program(found: "sleep").status(["60"]) { running in
            child.withLock { $0 = running.pid }
            #expect(ProcessSignal.isLiveDescendant(running.pid))
            #expect(!ProcessSignal.send(0, toGroupWithChild: running.pid), "it leads no group")
            #expect(ProcessSignal.send(SIGTERM, to: running.pid))
            // Ended, and not waited for before this body returns.
            try await eventually("it has ended") { ProcessStatus(running.pid)?.hasEnded == true }
            #expect(!ProcessSignal.send(0, to: running.pid))
        }
        #expect(status == -SIGTERM)
        #expect(!ProcessSignal.send(0, to: child.value))
        #expect(!ProcessSignal.send(0, toGroupWithChild: child.value))
        #expect(!ProcessSignal.send(0, to: getpgid(child.value)), "what made kill(-1) of a dead process")
    }

    @Test func aGroupIsSignalledUntilItsLeaderHasBeenWaitedFor() async throws {
        let ids = Shared<(leader: Int32, child: Int32)>((0, 0))
        _ = try await Program(found: "setsid").status(["sh", "-c", "sleep 60 & echo child $!; wait"]) { running in
            let words = try await running.line(startingWith: "child").split(separator: " ")
            let (leader, child) = (running.pid, try #require(words.last.flatMap { Int32($0) }))
            ids.withLock { $0 = (leader, child) }
            #expect(ProcessSignal.isLiveDescendant(child), "a child's child")
            #expect(ProcessSignal.stop(leader))
            #expect(ProcessStatus(leader)?.isStopped == true)
            #expect(ProcessSignal.send(SIGCONT, to: leader))
            #expect(ProcessSignal.send(SIGKILL, to: leader))
            // It is waited for after this body.
            try await eventually("the leader has ended") { ProcessStatus(leader)?.hasEnded == true }
            #expect(ProcessSignal.send(SIGKILL, toGroupWithChild: leader))
            try await eventually("its child has ended") { ProcessStatus(child)?.hasEnded ?? true }
        }
        #expect(!ProcessSignal.send(0, toGroupWithChild: ids.value.leader))
        #expect(!ProcessSignal.isLiveDescendant(ids.value.child))
    }

    @Test func aNameMayContainAnything() throws {
        let status = try #require(ProcessStatus(stat: "7 (a) b (c) S 3 5 7 0 -1"))
        #expect(status.parent == 3 && status.group == 5 && !status.hasEnded && !status.isStopped)
        #expect(ProcessStatus(stat: "7 (zombie) Z 3 5")?.hasEnded == true)
        #expect(ProcessStatus(stat: "7 (stopped) T 3 5")?.isStopped == true)
        #expect(ProcessStatus(stat: "7 (cut") == nil)
    }
}
