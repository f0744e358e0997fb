// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper

/// The scope that runs a body in the caller's isolation, and that can be cancelled from outside.
@Suite struct RevocableScopeTests {
    private final class Box {
        var value = 0
    }

    private actor Counter {
        var count = 0
        let box = Box()

        func run() async throws {
            let result = await withRevocableScope(BodyCancellation()) {
                self.assertIsolated()
                count += 1
                await Task.yield()
                self.assertIsolated()
                box.value = count
                return box
            }
            #expect(try result.get() === box)
            #expect(box.value == count)
        }
    }

    @Test func runsOnTheCallersActor() async throws {
        let counter = Counter()
        try await counter.run()
        #expect(await counter.count == 1)
    }

    @MainActor @Test func runsOnTheMainActor() async throws {
        let box = Box()
        let result = await withRevocableScope(BodyCancellation()) {
            MainActor.assertIsolated()
            box.value += 1
            await Task.yield()
            MainActor.assertIsolated()
            return box
        }
        #expect(try result.get().value == 1)
    }

    @Test func runsOutsideOfAnyActor() async throws {
        let box = Box()
        let result = await withRevocableScope(BodyCancellation()) {
            box.value += 1
            return box
        }
        #expect(try result.get().value == 1)
    }

    @Test func revokingCancelsTheBodyAndNotTheCaller() async {
        let cancellation = BodyCancellation()
        let started = Promise<Void>()
        let task = Task {
            let result: Result<Void, any Error> = await withRevocableScope(cancellation) {
                started.fulfil(())
                try await Task.sleep(for: .seconds(3_600))
            }
            #expect(!Task.isCancelled)
            return result
        }
        await started.wait()
        cancellation.cancel()
        cancellation.cancel()
        let result = await task.value
        #expect(throws: CancellationError.self) { try result.get() }
        #expect(cancellation.isCancelled)
    }

    @Test func aBodyThatIsRevokedBeforeItStartsIsCancelledFromTheStart() async throws {
        let cancellation = BodyCancellation()
        cancellation.cancel()
        let wasCancelled = await withRevocableScope(cancellation) { Task.isCancelled }
        #expect(try wasCancelled.get())
    }

    @Test func theCallersCancellationReachesTheBody() async {
        let started = Promise<Void>()
        let task = Task {
            await withRevocableScope(BodyCancellation()) {
                started.fulfil(())
                try await Task.sleep(for: .seconds(3_600))
            }
        }
        await started.wait()
        task.cancel()
        let result = await task.value
        #expect(throws: CancellationError.self) { try result.get() }
    }

    @Test func aBodyThatThrewIsReported() async {
        struct Oops: Error {}
        let result = await withRevocableScope(BodyCancellation()) { throw Oops() }
        #expect(throws: Oops.self) { try result.get() }
    }

    /// A handler of the user's may block; the revoking thread must not wait for it.
    @Test func aCancellationHandlerDoesNotHoldUpTheRevoker() async {
        let cancellation = BodyCancellation()
        let started = Promise<Void>()
        let isHandling = Promise<Void>()
        let mayEnd = Promise<Void>()
        let hasEnded = Shared(false)
        let task = Task {
            await withRevocableScope(cancellation) {
                await withTaskCancellationHandler {
                    started.fulfil(())
                    await isHandling.wait(isShielded: true)
                } onCancel: {
                    isHandling.fulfil(())
                    // Blocks its thread until the test lets it go.
                    while mayEnd.current == nil {}
                    hasEnded.withLock { $0 = true }
                }
            }
        }
        await started.wait()
        cancellation.cancel()
        await isHandling.wait()
        mayEnd.fulfil(())
        _ = await task.value
        #expect(hasEnded.value, "the body's task outlives its cancellation")
    }

    @Test func knowsWhichTaskRuns() async {
        let outside = RunningTask.current
        #expect(isRun(by: "outer") == nil)
        _ = await withRevocableScope(BodyCancellation(), content: "outer") {
            #expect(RunningTask.current != outside)
            #expect(isRun(by: "outer") == true)
            async let other = isRun(by: "outer")
            #expect(await other == false, "inherited by another task")
            _ = await withRevocableScope(BodyCancellation(), content: "inner") {
                #expect(isRun(by: "outer") == true, "a scope inside runs its body for the same task")
                #expect(isRun(by: "inner") == true)
            }
            #expect(isRun(by: "inner") == nil)
        }
        #expect(RunningTask.current == outside)
    }

    /// Tells whether the current task runs the scope with this content; `nil` if it is in none.
    private func isRun(by content: String) -> Bool? {
        ScopeLineage.first { scope in scope.content as? String == content ? scope.isRunByCurrentTask : nil }
    }
}
