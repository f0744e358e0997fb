// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// The duration of a wait for a lock: as long as the caller asked for, also over lost connections and sessions; and no
/// longer than the lock can be had.
@Suite(.timeLimit(.minutes(3))) struct WaitDurationTests {
    private let zooKeeper = InMemoryZooKeeper()
    /// The session time-out of the subject, which gives a session up after twice as long.
    private let timeout = Duration.milliseconds(500)

    /// Runs `body` with a client whose sessions do not survive an outage, and one beside it whose sessions do.
    private func withTwoClients(
        _ body: (_ subject: ZooKeeperClient, _ beside: ZooKeeperClient) async throws -> Void
    ) async throws {
        var configuration = zooKeeper.configuration
        configuration.sessionTimeout = .seconds(600)
        try await zooKeeper.withClient(configuration) { beside in
            configuration.sessionTimeout = timeout
            try await zooKeeper.withClient(configuration) { subject in try await body(subject, beside) }
        }
    }

    private func lock(_ client: ZooKeeperClient, _ id: String = "x") -> ZooKeeperLock {
        var configuration = ZooKeeperLock.Configuration()
        configuration.id = id
        return ZooKeeperLock(client, at: "/l", configuration: configuration)
    }

    /// Returns the ids of all participants.
    private func queue(_ client: ZooKeeperClient) async throws -> [String] {
        try await lock(client).participants().compactMap(\.id)
    }

    @Test func waitersSurviveALongOutageAndAreGrantedInTheOrderOfTheirNewNodes() async throws {
        try await withTwoClients { subject, beside in
            let held = try await lock(beside, "held").acquire()
            let granted = Shared<[String]>([])
            var waiters: [Task<Void, any Error>] = []
            for (id, limit) in [("for ever", nil), ("a minute", Duration.seconds(60))] {
                let lock = lock(subject, id)
                waiters.append(
                    Task {
                        do {
                            try await lock.withLock(waitingUpTo: limit) { _ in granted.withLock { $0.append(id) } }
                        } catch LockError.Code.lost {
                            // With so short a time-out a busy machine loses it again; it was granted.
                        }
                    })
                try await eventually("\(id) is enqueued") { try await queue(beside).contains(id) }
            }
            // The outage lasts for as long as a waiter with a limit of ten time-outs waits.
            let start = ContinuousClock.now
            let ten = Task { try await lock(subject, "ten").withLock(waitingUpTo: timeout * 10) { _ in } }
            try await eventually("ten is enqueued") { try await queue(beside).contains("ten") }
            let session = try await subject.withSession { $0 }
            await zooKeeper.whileRefusing {
                let late = Task { try await lock(subject, "late").withLock(waitingUpTo: timeout * 5) { _ in } }
                for result in [await ten.result, await late.result] {
                    #expect { try result.get() } throws: { LockError.Code.timedOut ~= $0 }
                }
            }
            #expect(start.duration(to: .now) >= timeout * 10)
            #expect(session.state.isFinal)
            try await eventually("both are enqueued again") { try await queue(beside).count == 3 }
            let order = try await queue(beside)
            #expect(granted.value.isEmpty)
            try await held.release()
            for waiter in waiters { try await waiter.value }
            #expect(granted.value == Array(order.dropFirst()))
            try await eventually("the queue is empty") { try await queue(beside).isEmpty }
        }
    }

    // MARK: Errors that waiting does not help against

    private func expectUnavailable(
        _ code: ZooKeeperError.Code, sourceLocation: SourceLocation = #_sourceLocation,
        _ configure: (inout ZooKeeperConfiguration) -> Void
    ) async throws {
        var configuration = zooKeeper.configuration
        configure(&configuration)
        try await zooKeeper.withClient(configuration) { client in
            await #expect(sourceLocation: sourceLocation) {
                try await lock(client).withLock { _ in }
            } throws: { LockError.Code.unavailable ~= $0 && code ~= $0 }
        }
    }

    @Test func missingPermissionsAreReportedAtOnce() async throws {
        try await zooKeeper.withClient { try await $0.create("/l", accessControl: .readOnly) }
        try await expectUnavailable(.noAuth) { _ in }
    }

    @Test func aChrootThatIsMissingIsToldAtOnce() async throws {
        try await expectUnavailable(.chrootNotFound) { $0.chroot = "/missing" }
    }

    @Test func credentialsThatAreRefusedAreTold() async throws {
        try await expectUnavailable(.authenticationFailed) {
            $0.credentials = [Credential(scheme: "nonsense", proof: [1])]
            $0.connectTimeout = .milliseconds(500)
        }
    }

    @Test func serversThatWereNeverReachedAreTold() async throws {
        try await zooKeeper.whileRefusing {
            try await expectUnavailable(.connectTimeout) { $0.connectTimeout = .milliseconds(100) }
        }
    }

    @Test func aClientThatIsClosedInAnOutageIsTold() async throws {
        try await withTwoClients { subject, beside in
            let held = try await lock(beside, "held").acquire()
            let waiter = Task { try await lock(subject).withLock { _ in } }
            try await eventually("enqueued") { try await queue(beside).count == 2 }
            let session = try await subject.withSession { $0 }
            try await zooKeeper.whileRefusing {
                try await eventually("its session is over") { session.state.isFinal }
                await subject.close()
                let result = await waiter.result
                #expect { try result.get() } throws: {
                    LockError.Code.unavailable ~= $0 && ZooKeeperError.Code.closed ~= $0
                }
            }
            try await held.release()
        }
    }

    @Test func aWaiterCancelledInAnOutageIsGoneAtOnce() async throws {
        try await withTwoClients { subject, beside in
            let held = try await lock(beside, "held").acquire()
            let waiter = Task { try await lock(subject).withLock { _ in } }
            try await eventually("enqueued") { try await queue(beside).count == 2 }
            let session = try await subject.withSession { $0 }
            try await zooKeeper.whileRefusing {
                try await eventually("its session is over") { session.state.isFinal }
                waiter.cancel()
                await #expect(throws: CancellationError.self) { try await waiter.value }
            }
            try await held.release()
            try await eventually("the queue is empty") { try await queue(beside).isEmpty }
        }
    }
}
